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

// How rows are turned, of any operation that turns some.
typedef struct rapt_rope_turn {
  int32_t flags;
  // Whether positions name the rows of cosine and sine, and how many of these there are.
  int by_position;
  int64_t table_length;
} rapt_rope_turn;

// Checks a turn of rows of head_dim elements; *rotary_dim is head_dim where the caller left it at 0.
rapt_status rapt_rope_check_turn(int64_t head_dim, const rapt_rope_turn *turn, int64_t *rotary_dim, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif
