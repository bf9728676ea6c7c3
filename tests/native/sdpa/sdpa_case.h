// SPDX-License-Identifier: Apache-2.0
// One attention problem as a flat list of numbers: it prints itself as the argument that replays it.
#ifndef RAPT_TESTS_SDPA_SDPA_CASE_H
#define RAPT_TESTS_SDPA_SDPA_CASE_H

#include <rapt/rapt.h>
#include <stddef.h>
#include <stdint.h>

#include "support/guard.h"

// What fills query, key and value.
enum sdpa_fill {
  FILL_UNIFORM = 0,
  // Logits far apart: softmax is nearly one-hot.
  FILL_PEAKED = 1,
  // Every logit between -1e4 and -2.5e5: a finite mask value would win against real keys.
  FILL_VERY_NEGATIVE = 2,
  // All equal: every weight is 1 / visible keys.
  FILL_CONSTANT = 3,
  // Around the smallest normal numbers.
  FILL_TINY = 4,
  // A few huge entries among small ones.
  FILL_SPIKES = 5,
  // Keys and values that no query of the group sees hold NaN and infinity; nothing of it may show.
  FILL_POISON_UNSEEN = 6,
  // A few keys and values hold NaN, seen by some queries: those rows are NaN, the others exact.
  FILL_POISON_SOME = 7,
  // Logits rise along the keys: the running maximum moves with every tile.
  FILL_RISING = 8,
  FILL_COUNT = 9
};

// How query, key, value and output lie in memory.
enum sdpa_layout {
  // (B, H, S, D), contiguous.
  LAYOUT_BHSD = 0,
  // (B, S, H, D).
  LAYOUT_BSHD = 1,
  // Gaps after every row, head and batch.
  LAYOUT_PADDED = 2,
  // The last dimension is strided: (B, H, D, S).
  LAYOUT_TRANSPOSED = 3,
  // Every stride negative.
  LAYOUT_REVERSED = 4,
  // query, key, value are views of one (B, S, Hq + 2 Hkv, D); needs q_len = kv_len and head_dim = value_dim.
  LAYOUT_PACKED = 5,
  // Keys and values shared by all batches and heads through stride 0; the output as BHSD.
  LAYOUT_SHARED = 6,
  // value is the head of each key row (multi-head latent attention); needs value_dim <= head_dim.
  LAYOUT_VALUE_IN_KEY = 7,
  // Last dimension contiguous, but every other element of the sequence.
  LAYOUT_SKIPPING = 8,
  LAYOUT_COUNT = 9
};

enum sdpa_mask_fill {
  MASK_RANDOM = 0,
  MASK_ALL_FALSE = 1,
  MASK_ALL_TRUE = 2,
  // Every fourth row and, by a pattern of five, some keys: rows without any key among full ones.
  MASK_ROWS = 3,
  MASK_SPARSE = 4,
  // Whole blocks of 64 keys.
  MASK_BLOCKS = 5,
  MASK_FILL_COUNT = 6
};

enum sdpa_bias_fill {
  BIAS_UNIFORM = 0,
  BIAS_SOME_INFINITE = 1,
  // Every third row -inf throughout.
  BIAS_ROWS_INFINITE = 2,
  // NaN where another mask hides the key.
  BIAS_NAN_WHERE_HIDDEN = 3,
  BIAS_VERY_NEGATIVE = 4,
  BIAS_FILL_COUNT = 5
};

// name, default. mask and bias: -1 = absent, else a bit per dimension (1 batch, 2 heads, 4 queries, 8 keys) that is set
// where the tensor has that dimension and clear where it is broadcast. weights: -1 or the stage. key_groups,
// value_groups: 0, or the scales of a row that is int8. bf16: 1 where query and key are. positions: 0, 1 a position for
// each sample in i32, 2 in i64, around `position`. weights_type: a dtype of rapt.h, and weights_layout an sdpa_layout.
// Not formatted: clang-format 14 breaks this table anew each time.
// clang-format off
#define SDPA_INTEGERS(X)                                                                             \
  X(batch, 1) X(heads, 1) X(kv_heads, 1) X(q_len, 1) X(kv_len, 1) X(head_dim, 1) X(value_dim, 1)     \
  X(causal, 0) X(position, 0) X(window, 0) X(window_left, -1) X(window_right, -1) X(scaled, 0)         \
  X(mask, -1) X(mask_fill, 0) X(bias, -1) X(bias_fill, 0) X(alibi, 0) X(sinks, 0) X(lse, 1)          \
  X(weights, -1) X(layout, 0) X(fill, 0) X(guard, 0) X(scratch, 0) X(seed, 1)                         \
  X(key_groups, 0) X(value_groups, 0) X(bf16, 0) X(positions, 0)                                      \
  X(weights_type, RAPT_F32) X(weights_layout, 0)
// clang-format on
#define SDPA_REALS(X) X(scale, 0) X(softcap, 0)

#define SDPA_FIELD_INTEGER(name, value) int64_t name;
#define SDPA_FIELD_REAL(name, value) double name;
typedef struct sdpa_case {
  SDPA_INTEGERS(SDPA_FIELD_INTEGER)
  SDPA_REALS(SDPA_FIELD_REAL)
} sdpa_case;

sdpa_case sdpa_case_default(void);

// "batch=2 heads=4 ...", only what differs from the default.
void sdpa_case_print(const sdpa_case *c, char *text, size_t size);

// Reads what sdpa_case_print wrote; 0 and a line on stderr where it cannot.
int sdpa_case_parse(sdpa_case *c, const char *text);

// The tensors of a case, with their memory; one instance serves all cases in turn.
typedef struct sdpa_tensors {
  test_tensor query, key, value, output, mask, bias, alibi, sinks, lse, weights, positions;
  // The memory behind query, key and value in LAYOUT_PACKED.
  test_tensor packed;
  test_tensor key_i8, key_scale, value_i8, value_scale, query_bf16, key_bf16;
  guard_buffer scratch;
} sdpa_tensors;

// Places and fills everything but scratch, and describes it as a call.
void sdpa_case_build(const sdpa_case *c, sdpa_tensors *t, rapt_sdpa *call);

// Gives the call int8 keys or values with scales, or query and key in bf16, where the case asks for them, and leaves in
// the f32 tensors what they stand for.
void sdpa_case_narrow(const sdpa_case *c, sdpa_tensors *t, rapt_sdpa *call);

// Builds the case and runs it on every tier with one thread and with three, against the double reference.
void sdpa_case_run(const sdpa_case *c);

#endif
