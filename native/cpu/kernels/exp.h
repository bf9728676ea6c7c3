// SPDX-License-Identifier: Apache-2.0
// exp and tanh for the score transforms, over the vector vocabulary of the including tier.
#ifndef RAPT_CPU_KERNELS_EXP_H
#define RAPT_CPU_KERNELS_EXP_H

// 2^x = 2^n * 2^f with an integer n, and 2^f = 1 + f * q(f) with q a polynomial of degree 4 and these
// coefficients. The constant term is exactly 1, so a row's maximum gets weight exactly 1.
#ifdef EXP2_TO_NEAREST
// f in [-1/2, 1/2], exact for every x: at most 1.7 ulp. Least in units of the result's last place, which are half as
// large below 1, by linear programming; then the coefficients' last digits were searched.
#define EXP2_Q4 0x1.5a029cp-10f
#define EXP2_Q3 0x1.3cf04ep-7f
#define EXP2_Q2 0x1.c6bc82p-5f
#define EXP2_Q1 0x1.ebf9a8p-3f
#define EXP2_Q0 0x1.62e422p-1f
#else
// f in [0, 1): at most 3.2 ulp, most just below 0, where f is rounded. Minimax (relative error 8.2e-8), found by the
// Remez exchange.
#define EXP2_Q4 0x1.e974fap-10f
#define EXP2_Q3 0x1.277856p-7f
#define EXP2_Q2 0x1.c91ce6p-5f
#define EXP2_Q1 0x1.ebdb56p-3f
#define EXP2_Q0 0x1.62e4bap-1f
#endif

// Where a tier's v_scale_exponent takes 2^f times a power of two.
#ifndef EXP2_UNIT
#define EXP2_UNIT 1.0f
#endif

// 2^x, exactly 1 at 0 and exactly 0 at -inf, NaN with its payload for NaN. Subnormal results are rounded once more, to
// nearest even. x must stay below 63.
static inline vf v_exp2(vf x) {
  vf f = v_fraction(x);
  vf q = v_set1(EXP2_Q4 * EXP2_UNIT);
  q = v_fma(q, f, v_set1(EXP2_Q3 * EXP2_UNIT));
  q = v_fma(q, f, v_set1(EXP2_Q2 * EXP2_UNIT));
  q = v_fma(q, f, v_set1(EXP2_Q1 * EXP2_UNIT));
  q = v_fma(q, f, v_set1(EXP2_Q0 * EXP2_UNIT));
  return v_scale_exponent(v_fma(q, f, v_set1(EXP2_UNIT)), x);
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
