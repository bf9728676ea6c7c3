// SPDX-License-Identifier: Apache-2.0
// Rows of input into blocks of 32 signed bytes with one scale: every step is defined by IEEE arithmetic, so that all
// tiers and the Java reference round alike.
#ifndef RAPT_CPU_KERNELS_QUANTISE_H
#define RAPT_CPU_KERNELS_QUANTISE_H

#include "cpu/kernels/kernels.h"
#include "cpu/kernels/tile.h"

// Scales are normal numbers, whose reciprocal is finite.
#define LEAST_SCALE 0x1p-126f
#define MOST_NUMBER 127

// Up to a block of elements; behind them zeros count.
ALWAYS_INLINE void quantise_block(int64_t count, const float *from, int32_t offset, rapt_input_block *to) {
  vf x[RAPT_BLOCK / V_LANES], most = v_set1(0), odd = v_set1(0);
#pragma GCC unroll 8
  for (int i = 0; i < RAPT_BLOCK / V_LANES; i++) {
    int64_t left = count - i * V_LANES;
    x[i] = left >= V_LANES ? v_load(from + i * V_LANES) : v_load_n(from + i * V_LANES, left > 0 ? left : 0);
    most = v_max(most, v_abs(x[i]));
    // Turns to NaN by a NaN or an infinity, which the maximum may lose.
    odd = v_fma(x[i], v_set1(0), odd);
  }
  if (v_sum(odd) != 0) {
    *to = (rapt_input_block){.scale = __builtin_nanf("")};
    return;
  }
  float scale = v_highest(most) / MOST_NUMBER;
  if (scale < LEAST_SCALE) scale = LEAST_SCALE;
  vf reciprocal = v_set1(1 / scale);
  int32_t sum = 0;
#pragma GCC unroll 8
  for (int i = 0; i < RAPT_BLOCK / V_LANES; i++) v_store_i8(to->number + i * V_LANES, v_mul(x[i], reciprocal));
  for (int i = 0; i < RAPT_BLOCK; i++) sum += to->number[i];
  to->scale = scale;
  to->start = -offset * sum;
}

static void quantise(int64_t count, const float *from, int32_t offset, int64_t apart, rapt_input_block *to) {
  for (; count > 0; count -= RAPT_BLOCK, from += RAPT_BLOCK, to += apart) quantise_block(count, from, offset, to);
}

#endif
