// SPDX-License-Identifier: Apache-2.0
#include "cpu/vec_portable.h"
#define OVERWRITE rapt_overwrite_portable
#include "cpu/tier_template.h"
