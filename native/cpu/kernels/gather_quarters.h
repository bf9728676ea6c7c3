// SPDX-License-Identifier: Apache-2.0
// Decode's product of weights and values, four keys at a time, whose values are far apart: each of the four streams is
// read from its first line to its last, which is what hardware prefetchers follow, also while the arithmetic of many
// rows goes on. A pair of rows keeps its eight weights in registers; its outputs stay in L1. Other dtypes than f32 are
// widened in registers.
#ifndef RAPT_CPU_KERNELS_GATHER_QUARTERS_H
#define RAPT_CPU_KERNELS_GATHER_QUARTERS_H

#include "base/arithmetic.h"
#include "cpu/kernels/kernels.h"
#include "cpu/kernels/loads.h"

// Elements of the values that all rows take before the next: four values of it, and the outputs, are in L1 then.
#define QUARTER_STRIP 256

// Rows whose weights are in registers, and the four values they meet.
typedef struct quarter_rows {
  const char *const *values;
  vf weight[2][RAPT_QUARTERS];
  vf correction[2];
  float *out;
  int64_t out_stride;
} quarter_rows;

ALWAYS_INLINE void quarter_step(const int type, const int rows, const int guarded, const quarter_rows *q, int64_t d,
                                int64_t n) {
  vf value[RAPT_QUARTERS], zero = v_set1(0.0f);
#pragma GCC unroll 4
  for (int i = 0; i < RAPT_QUARTERS; i++) {
    value[i] = n == V_LANES ? load_as(type, q->values[i], d) : load_some_as(type, q->values[i], d, n);
  }
#pragma GCC unroll 2
  for (int r = 0; r < rows; r++) {
    vf sum = zero;
#pragma GCC unroll 4
    for (int i = 0; i < RAPT_QUARTERS; i++) {
      vf added = i == 0 ? v_mul(q->weight[r][i], value[i]) : v_fma(q->weight[r][i], value[i], sum);
      sum = guarded ? v_if_equal(q->weight[r][i], zero, sum, added) : added;
    }
    float *to = q->out + r * q->out_stride + d;
    v_store_n(to, v_fma(v_load_n(to, n), q->correction[r], sum), n);
  }
}

// Adds elements from .. to of four values to one or two rows.
ALWAYS_INLINE void quarter_pair(const int type, const int rows, const int guarded, const rapt_quarters *all,
                                const char *const *values, const float *weights, const float *correction, float *out,
                                int64_t from, int64_t to) {
  quarter_rows q = {.values = values, .out = out, .out_stride = all->out_stride};
#pragma GCC unroll 2
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int i = 0; i < RAPT_QUARTERS; i++) q.weight[r][i] = v_set1(weights[r * all->weight_stride + i * all->apart]);
    q.correction[r] = v_set1(correction[r]);
  }
  int64_t d = from;
#pragma GCC unroll 1
  for (; d + V_LANES <= to; d += V_LANES) quarter_step(type, rows, guarded, &q, d, V_LANES);
  if (d < to) quarter_step(type, rows, guarded, &q, d, to - d);
}

ALWAYS_INLINE void quarter_keys(const int type, const int guarded, const rapt_quarters *all) {
  static const float ones[RAPT_DECODE_WIDTH] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const float *correction = all->correction;
  for (int64_t k = 0; k < all->keys; k++, correction = ones) {
    const char *values[RAPT_QUARTERS];
#pragma GCC unroll 4
    for (int i = 0; i < RAPT_QUARTERS; i++) {
      values[i] = (const char *)all->values[i] + k * all->value_stride[i] * size_as(type);
    }
    for (int64_t from = 0; from < all->depth; from += QUARTER_STRIP) {
      int64_t to = rapt_min(all->depth, from + QUARTER_STRIP), r = 0;
      for (; r + 2 <= all->rows; r += 2) {
        quarter_pair(type, 2, guarded, all, values, all->weights + r * all->weight_stride + k, correction + r,
                     all->out + r * all->out_stride, from, to);
      }
      if (r < all->rows) {
        quarter_pair(type, 1, guarded, all, values, all->weights + r * all->weight_stride + k, correction + r,
                     all->out + r * all->out_stride, from, to);
      }
    }
  }
}

// Defines a rapt_gather_quarters for one type.
#define QUARTERS(name, type)                        \
  static void name(const rapt_quarters *quarters) { \
    if (quarters->guarded) {                        \
      quarter_keys(type, 1, quarters);              \
    } else {                                        \
      quarter_keys(type, 0, quarters);              \
    }                                               \
  }

QUARTERS(quarters_f32, AS_F32)
QUARTERS(quarters_f16, AS_F16)
QUARTERS(quarters_bf16, AS_BF16)
QUARTERS(quarters_i8, AS_I8)

#endif
