// SPDX-License-Identifier: Apache-2.0
// Rotary embedding: its problem is the checked call, with rotary_dim resolved (never 0). An output that overlaps its
// input is the same tensor: any other overlap was refused.
#ifndef RAPT_OPS_ROPE_PROBLEM_H
#define RAPT_OPS_ROPE_PROBLEM_H

#include "base/tensor.h"
#include "call/operation.h"
#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const rapt_operation rapt_operation_rope;

#ifdef __cplusplus
}
#endif

#endif
