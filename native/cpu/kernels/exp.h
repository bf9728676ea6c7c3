// SPDX-License-Identifier: Apache-2.0
// exp and tanh for the score transforms, over the vector vocabulary of the including tier.
#ifndef RAPT_CPU_KERNELS_EXP_H
#define RAPT_CPU_KERNELS_EXP_H

// 2^x within 2 ulp, exactly 1 at 0 and exactly 0 at -inf, NaN for NaN. x must stay below 128.
//
// 2^x = 2^floor(x) * 2^f with f in [0, 1), and 2^f = 1 + f * q(f) with q the degree-4 minimax polynomial (relative
// error of the whole 8.2e-8, found by the Remez exchange). The constant term is exactly 1, so a row's maximum gets
// weight exactly 1.
static inline vf v_exp2(vf x) {
  vf f = v_fraction(x);
  vf q = v_set1(0x1.e974fap-10f);
  q = v_fma(q, f, v_set1(0x1.277856p-7f));
  q = v_fma(q, f, v_set1(0x1.c91ce6p-5f));
  q = v_fma(q, f, v_set1(0x1.ebdb56p-3f));
  q = v_fma(q, f, v_set1(0x1.62e4bap-1f));
  return v_scale_exponent(v_fma(q, f, v_set1(1.0f)), x);
}

// tanh within a few ulp. Below 0.625 an odd polynomial (1 - 2^-x would cancel there), above it
// (1 - e) / (1 + e) with e = exp(-2|x|).
static inline vf v_tanh(vf x) {
  vf magnitude = v_abs(x);
  vf e = v_exp2(v_mul(magnitude, v_set1(-2.0f * 0x1.715476p+0f)));
  vf large = v_sign_of(v_div(v_sub(v_set1(1.0f), e), v_add(v_set1(1.0f), e)), x);
  vf u = v_mul(x, x);
  vf q = v_set1(-0x1.72fc48p-8f);
  q = v_fma(q, u, v_set1(0x1.518b16p-6f));
  q = v_fma(q, u, v_set1(-0x1.b8265cp-5f));
  q = v_fma(q, u, v_set1(0x1.11068ep-3f));
  q = v_fma(q, u, v_set1(-0x1.55553p-2f));
  vf small = v_fma(v_mul(u, q), x, x);
  return v_if_less(magnitude, v_set1(0.625f), small, large);
}

#endif
