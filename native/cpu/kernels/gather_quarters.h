// SPDX-License-Identifier: Apache-2.0
// Decode's product of weights and values, four keys at a time, whose values are far apart: each of the four streams is
// read from its first line to its last, which is what hardware prefetchers follow, also while the arithmetic of many
// rows goes on. A pair of rows keeps its eight weights in registers; its sums stay in L1. Other dtypes than f32 are
// widened in registers.
#ifndef RAPT_CPU_KERNELS_GATHER_QUARTERS_H
#define RAPT_CPU_KERNELS_GATHER_QUARTERS_H

#include "base/arithmetic.h"
#include "cpu/kernels/kernels.h"
#include "cpu/kernels/loads.h"

// Elements of the values that all rows take before the next: the sums of a block stay in L1.
#define QUARTER_STRIP 256

// Sums of a block, [row][element of the strip].
typedef float quarter_sums[RAPT_DECODE_WIDTH][QUARTER_STRIP] __attribute__((aligned(64)));

// Rows whose weights are in registers, and the four values they meet.
typedef struct quarter_rows {
  const char *values[RAPT_QUARTERS];
  vf weight[2][RAPT_QUARTERS];
  float (*sums)[QUARTER_STRIP];
} quarter_rows;

// Elements from + d .. + n of the values to elements d of the sums, which the block's first key begins.
ALWAYS_INLINE void quarter_step(const int type, const int rows, const int guarded, const int begins,
                                const quarter_rows *q, int64_t d, int64_t n) {
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
    float *to = q->sums[r] + d;
    v_store(to, begins ? sum : v_add(v_load(to), sum));
  }
}

// Key number k of one or two rows, `count` elements.
ALWAYS_INLINE void quarter_pair(const int type, const int rows, const int guarded, const int begins,
                                const rapt_quarters *all, int64_t row, int64_t k, int64_t from, int64_t count,
                                quarter_sums sums) {
  quarter_rows q = {.sums = sums + row};
#pragma GCC unroll 4
  for (int i = 0; i < RAPT_QUARTERS; i++) {
    q.values[i] = (const char *)all->values[k][i] + from * size_as(type);
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++) {
      q.weight[r][i] = v_set1(all->weights[(row + r) * all->weight_stride + i * all->apart + k]);
    }
  }
  int64_t d = 0;
#pragma GCC unroll 1
  for (; d + V_LANES <= count; d += V_LANES) quarter_step(type, rows, guarded, begins, &q, d, V_LANES);
  if (d < count) quarter_step(type, rows, guarded, begins, &q, d, count - d);
}

ALWAYS_INLINE void quarter_rows_at(const int type, const int guarded, const int begins, const rapt_quarters *all,
                                   int64_t k, int64_t from, int64_t count, quarter_sums sums) {
  int64_t r = 0;
  for (; r + 2 <= all->rows; r += 2) quarter_pair(type, 2, guarded, begins, all, r, k, from, count, sums);
  if (r < all->rows) quarter_pair(type, 1, guarded, begins, all, r, k, from, count, sums);
}

// Adds the sums of a strip to the output.
ALWAYS_INLINE void quarter_finish(const rapt_quarters *all, int64_t from, int64_t count, quarter_sums sums) {
  for (int64_t r = 0; r < all->rows; r++) {
    float *out = all->out + r * all->out_stride + from;
    const float *sum = sums[r];
    vf correction = v_set1(all->correction[r]);
    int64_t d = 0;
    for (; d + V_LANES <= count; d += V_LANES) v_store(out + d, v_fma(v_load(out + d), correction, v_load(sum + d)));
    int64_t n = count - d;
    if (n > 0) v_store_n(out + d, v_fma(v_load_n(out + d, n), correction, v_load(sum + d)), n);
  }
}

ALWAYS_INLINE void quarter_block(const int type, const int guarded, const rapt_quarters *all) {
  quarter_sums sums;
  for (int64_t from = 0; from < all->depth; from += QUARTER_STRIP) {
    int64_t count = rapt_min(all->depth - from, QUARTER_STRIP);
    quarter_rows_at(type, guarded, 1, all, 0, from, count, sums);
#pragma GCC unroll 1
    for (int64_t k = 1; k < all->keys; k++) quarter_rows_at(type, guarded, 0, all, k, from, count, sums);
    quarter_finish(all, from, count, sums);
  }
}

// Defines a rapt_gather_quarters for one type.
#define GATHER_QUARTERS(name, type)                 \
  static void name(const rapt_quarters *quarters) { \
    if (quarters->guarded) {                        \
      quarter_block(type, 1, quarters);             \
    } else {                                        \
      quarter_block(type, 0, quarters);             \
    }                                               \
  }

GATHER_QUARTERS(gather_quarters_f32, AS_F32)
GATHER_QUARTERS(gather_quarters_f16, AS_F16)
GATHER_QUARTERS(gather_quarters_bf16, AS_BF16)
GATHER_QUARTERS(gather_quarters_i8, AS_I8)

#endif
