// SPDX-License-Identifier: Apache-2.0
// One multi-head attention problem as a flat list of numbers that prints itself as its own replay.
#ifndef RAPT_TESTS_MHA_MHA_CASE_H
#define RAPT_TESTS_MHA_MHA_CASE_H

#include <rapt/rapt.h>
#include <stdint.h>

#include "support/guard.h"
#include "support/reference_mha.h"

// name, default. output_width 0 = no output projection. mask and bias: -1 or a bit per dimension as in sdpa_case.
// layout: 0 (B, S, E), 1 (S, B, E), 2 padded. weights: -1 or the stage; weights_type: a dtype of rapt.h;
// weights_layout: 0 plain, 1 keys apart by a gap, 2 every stride negative. positions: 0, 1 in i32, 2 in i64: one for
// each sample, around what `causal` says. Not formatted: clang-format 14 breaks this table anew each time.
// clang-format off
#define MHA_FIELDS(X)                                                                                \
  X(batch, 1) X(heads, 2) X(kv_heads, 2) X(q_len, 5) X(kv_len, 7) X(head_dim, 8) X(value_dim, 8)     \
  X(query_width, 16) X(key_width, 16) X(value_width, 16) X(output_width, 16) X(linear_bias, 1)       \
  X(bias_kv, 0) X(zero_attention, 0) X(mask, -1) X(bias, -1) X(padding, 0) X(causal, 0)              \
  X(window, 0) X(softcap, 0) X(alibi, 0) X(sinks, 0) X(lse, 1) X(weights, -1) X(average, 0)          \
  X(layout, 0) X(scratch, 0) X(guard, 0) X(seed, 1) X(positions, 0)                            \
  X(weights_type, RAPT_F32) X(weights_layout, 0)
// clang-format on

#define FIELD(name, value) int64_t name;
typedef struct mha_case {
  MHA_FIELDS(FIELD)
} mha_case;

typedef struct mha_tensors {
  test_tensor query, key, value, output, mask, bias, padding, bias_key, bias_value, slopes, sinks, lse, weights,
      positions;
  test_tensor weight[4], weight_bias[4];
  guard_buffer scratch;
} mha_tensors;

// A small self-attention with all four projections.
mha_case mha_case_default(void);

// Makes the case the one that checks and crashes report, on this tier.
void mha_case_name(const mha_case *c, int32_t isa);

// Reads what mha_case_name printed; 0 where it cannot. Cuts text into pieces.
int mha_case_parse(mha_case *c, char *text);

// Places and fills the tensors; describes them as a call without handles and scratch.
void mha_case_build(const mha_case *c, mha_tensors *t, reference_projections *p, rapt_mha *call);

#endif
