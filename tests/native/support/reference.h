// SPDX-License-Identifier: Apache-2.0
// The operations once more, as plain as they can be written, in double, each number with the error that f32 arithmetic
// may have on these very inputs (bound.h); shares no code with the library.
#ifndef RAPT_TESTS_SUPPORT_REFERENCE_H
#define RAPT_TESTS_SUPPORT_REFERENCE_H

#include <rapt/rapt.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// What a result should be, and how far from it a right one may be.
typedef struct reference_number {
  double value, error;
} reference_number;

// dtype of tensors that only the reference reads: reference_number, what an earlier reference step computed.
enum { REFERENCE_NUMBER = 64 };

// Ends the test where memory is short. Zeroed.
reference_number *reference_numbers(int64_t count);

// Position of query i of sample b among the keys. 128 bits: a position may be any int64.
__int128 reference_position(const rapt_sdpa *call, int64_t b, int64_t i);

// Whether key j may be seen by query i of head h. Where it may not, the reference reads neither key nor value.
int reference_visible(const rapt_sdpa *call, int64_t b, int64_t h, int64_t i, int64_t j);

// Dense: output (batch, query_heads, query_len, value_dim), lse (batch, query_heads, query_len) and weights (batch,
// query_heads, query_len, kv_len); weights may be NULL.
typedef struct reference_attended {
  reference_number *output, *lse, *weights;
} reference_attended;

// Validates nothing.
void reference_attention(const rapt_sdpa *call, const reference_attended *to);

// What a call does not say.
typedef struct reference_rules {
  // The last keys that take no ALiBi.
  int64_t appended;
  // What the weights are rounded to before they meet the values: half a unit in the last place of 1, or 0.
  double operand;
} reference_rules;

// The same under these rules.
void reference_attention_under(const rapt_sdpa *call, const reference_rules *rules, const reference_attended *to);

// output (batch * rows, out_features), dense.
void reference_linear(const rapt_linear_parameters *weights, const rapt_linear *call, reference_number *output);

#ifdef __cplusplus
}
#endif

#endif
