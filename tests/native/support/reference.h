// SPDX-License-Identifier: Apache-2.0
// The operations once more, as plain as they can be written, in double; shares no code with the library.
//
// Each function evaluates the same formula either in double, or as f32 arithmetic may: with every single operation
// rounded, in one of two orders, or with scores off by half an ulp. The first is what a result is compared with; its
// distance to the others is what plain f32 arithmetic costs on these very inputs, and so the yardstick of the error
// bound. Three, because one alone may be exact by luck: roundings above and below a fraction cancel.
#ifndef RAPT_TESTS_SUPPORT_REFERENCE_H
#define RAPT_TESTS_SUPPORT_REFERENCE_H

#include <rapt/rapt.h>
#include <stdint.h>

enum reference_mode {
  // Double throughout.
  REFERENCE_EXACT = 0,
  // Every operation rounded to f32.
  REFERENCE_ROUNDED = 1,
  // The same, dot products and the softmax's sum added up from the other end, the query scaled first.
  REFERENCE_ROUNDED_REVERSED = 2,
  // Double, with the highest score of each row raised and the others lowered by half an f32 ulp of their terms: no f32
  // score is more exact than that, and where two large scores compete it decides.
  REFERENCE_NUDGED = 3,
  REFERENCE_MODES = 4
};

// Position of query i of sample b among the keys. 128 bits: a position may be any int64.
__int128 reference_position(const rapt_sdpa *call, int64_t b, int64_t i);

// dtype of tensors that only the reference reads: double, for what an earlier reference step computed.
enum { REFERENCE_F64 = 64 };

// Whether key j may be seen by query i of head h. Where it may not, the reference reads neither key nor value.
int reference_visible(const rapt_sdpa *call, int64_t b, int64_t h, int64_t i, int64_t j);

// output (batch, query_heads, query_len, value_dim), lse (batch, query_heads, query_len) and weights (batch,
// query_heads, query_len, kv_len), dense; weights may be NULL. Validates nothing.
void reference_attention(const rapt_sdpa *call, int mode, double *output, double *lse, double *weights);

// The same where the last `appended` keys take no ALiBi.
void reference_attention_appended(const rapt_sdpa *call, int64_t appended, int mode, double *output, double *lse,
                                  double *weights);

// output (batch * rows, out_features), dense.
void reference_linear(const rapt_linear_parameters *weights, const rapt_linear *call, int mode, double *output);

// One result in all modes, indexed by reference_mode; each has room for count elements.
typedef struct reference_result {
  double *in[REFERENCE_MODES];
  int64_t count;
} reference_result;

// Ends the test where memory is short. Zeroed.
reference_result reference_result_make(int64_t count);
void reference_result_free(reference_result *result);

// 2 x the largest distance between exact and the other modes, plus 4 ulp of the largest magnitude (at least
// `magnitude`). Non-finite elements do not count.
double reference_bound(const reference_result *result, double magnitude);

#endif
