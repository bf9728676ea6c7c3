/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file reference.h
 * @brief The operations once more, as plain as they can be written, in double; shares no code with the library.
 *
 * Each function evaluates the same formula either in double, or with every single operation rounded to f32
 * (rounded = 1). The first is what a result is compared with; the distance between the two is what plain f32
 * arithmetic costs on these very inputs, and so the yardstick of the error bound.
 */
#ifndef RAPT_TESTS_REFERENCE_H
#define RAPT_TESTS_REFERENCE_H

#include <rapt/rapt.h>
#include <stdint.h>

/** dtype of tensors that only the reference reads: double, for what an earlier reference step computed. */
enum { REFERENCE_F64 = 64 };

/** Whether key j may be seen by query i of head h. Where it may not, the reference reads neither key nor value. */
int reference_visible(const rapt_attention *call, int64_t b, int64_t h, int64_t i, int64_t j);

/**
 * output (batch, query_heads, query_len, value_dim), lse (batch, query_heads, query_len) and weights
 * (batch, query_heads, query_len, kv_len), dense; weights may be NULL. Validates nothing.
 */
void reference_attention(const rapt_attention *call, int rounded, double *output, double *lse, double *weights);

/** output (batch * rows, out_features), dense. */
void reference_linear(const rapt_linear_weights *weights, const rapt_linear_call *call, int rounded, double *output);

/**
 * 2 x the largest distance between rounded and exact, plus 4 ulp of the largest magnitude (at least
 * `magnitude`). Non-finite elements do not count.
 */
double reference_bound(const double *exact, const double *rounded, int64_t count, double magnitude);

#endif
