// SPDX-License-Identifier: Apache-2.0
// The slots of new tokens in a cache.
#ifndef RAPT_CPU_APPEND_SLOTS_H
#define RAPT_CPU_APPEND_SLOTS_H

#include "ops/append/problem.h"

// A token that is left out.
#define RAPT_NO_SLOT (-1)

// Checks that each token has a slot of the cache, or none, and no two have the same.
rapt_status rapt_slots_check(const rapt_append *call, rapt_error *error);

#endif
