// SPDX-License-Identifier: Apache-2.0
// GELU of a row.
#ifndef RAPT_CPU_KERNELS_GELU_H
#define RAPT_CPU_KERNELS_GELU_H

#include "cpu/kernels/exp.h"

// x * Phi(x) within 12 units of 2^-24 of its own size, and 2^-147.
//
// With a = |x| the tail is Phi(-a) = e^(-a^2 / 2) * R(a), and R falls slowly: R(a) = t * P(t) with t = 1 / (1 + 0.3 a)
// and P the degree-9 minimax polynomial for a up to 14.5 (relative error 3.5e-9; 4.7 units with the rounding of t and
// P). So nothing cancels left of 0, where 1 + erf would, and right of 0 the tail is taken from x itself.
//
// a^2 / 2 * log2(e) reaches 151, and its rounding alone would cost 2^-24 * 151 * ln 2 of the result. What rounding the
// square and the product loses is therefore kept, and its exponential is 1 + loss * ln 2.
static inline vf v_gelu(vf x) {
  // Beyond this the tail is below every float; infinity must not be multiplied by 0.
  vf limit = v_set1(14.5f), a = v_abs(x), zero = v_set1(0.0f), one = v_set1(1.0f);
  a = v_if_less(a, limit, a, limit);
  vf t = v_div(one, v_fma(v_set1(0x1.333334p-2f), a, one));
  vf p = v_set1(-0x1.51e738p-6f);
  p = v_fma(p, t, v_set1(0x1.cc8c24p-4f));
  p = v_fma(p, t, v_set1(-0x1.d364fap-3f));
  p = v_fma(p, t, v_set1(0x1.88cab8p-3f));
  p = v_fma(p, t, v_set1(-0x1.4558ccp-4f));
  p = v_fma(p, t, v_set1(0x1.89df92p-4f));
  p = v_fma(p, t, v_set1(0x1.411436p-4f));
  p = v_fma(p, t, v_set1(0x1.c3867ep-4f));
  p = v_fma(p, t, v_set1(0x1.e9c41cp-4f));
  p = v_fma(p, t, v_set1(0x1.ea3c98p-4f));
  // log2(e) / 2, and what its rounding loses.
  vf factor = v_set1(-0x1.715476p-1f), factor_rest = v_set1(-0x1.4ae0c0p-27f);
  vf square = v_mul(a, a), exponent = v_mul(square, factor);
  vf loss = v_fma(square, factor_rest, v_lost(square, factor, exponent));
  loss = v_fma(v_lost(a, a, square), factor, loss);
  vf tail = v_mul(v_mul(a, t), p);
  tail = v_fma(v_mul(tail, v_set1(0x1.62e43p-1f)), loss, tail);
  tail = v_mul(tail, v_exp2(exponent));
  // The second operand, so that a NaN stays.
  return v_sub(v_max(zero, x), tail);
}

static void gelu(int64_t count, const float *from, float *to) {
  int64_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) v_store(to + i, v_gelu(v_load(from + i)));
  if (i < count) v_store_n(to + i, v_gelu(v_load_n(from + i, count - i)), count - i);
}

#endif
