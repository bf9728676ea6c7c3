// SPDX-License-Identifier: Apache-2.0
// Rotary embedding: its problem is the checked call itself, with rotary_dim as it counts (never 0). An output that is
// its input begins where that does: any other overlap was refused.
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
