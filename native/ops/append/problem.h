// SPDX-License-Identifier: Apache-2.0
// Appending to a cache: its problem is the checked call, with rotary_dim and groups resolved. rotary_dim is 0 where
// nothing is turned.
#ifndef RAPT_OPS_APPEND_PROBLEM_H
#define RAPT_OPS_APPEND_PROBLEM_H

#include "ops/rope/problem.h"
#include "ops/sdpa/problem.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const rapt_operation rapt_operation_append;

#ifdef __cplusplus
}
#endif

#endif
