// SPDX-License-Identifier: Apache-2.0
// Decode's dot products with four keys far apart, whose rows may be anywhere: paged keys. Four streams go on from page
// to page, where blocks of neighbouring keys would begin anew with each.
#ifndef RAPT_CPU_KERNELS_DOTS_QUARTERS_H
#define RAPT_CPU_KERNELS_DOTS_QUARTERS_H

#include "cpu/kernels/decode.h"

_Static_assert(DOT_KEYS == RAPT_QUARTERS, "a block has a key of each quarter");

ALWAYS_INLINE void dot_quarter_step(const int type, const int rows, const char *const *keys, const float *queries,
                                    int64_t query_stride, int64_t d, int64_t n, vf *sum) {
  vf column[RAPT_QUARTERS];
#pragma GCC unroll 4
  for (int q = 0; q < RAPT_QUARTERS; q++) column[q] = dot_key(type, keys[q], d, n);
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
    vf query = dot_query(queries + r * query_stride, d, n);
#pragma GCC unroll 4
    for (int q = 0; q < RAPT_QUARTERS; q++) {
      sum[r * RAPT_QUARTERS + q] = dot_product(query, column[q], sum[r * RAPT_QUARTERS + q]);
    }
  }
}

// A key of each quarter and some rows.
ALWAYS_INLINE void dot_quarter_block(const int type, const int rows, const rapt_key_quarters *all,
                                     const char *const *keys, int64_t row, float *scores) {
  const float *queries = all->queries + row * all->query_stride;
  int64_t depth = all->depth, stride = all->query_stride, d = 0;
  vf sum[DOT_ROWS * RAPT_QUARTERS];
  float total[DOT_ROWS * RAPT_QUARTERS];
#pragma GCC unroll 16
  for (int i = 0; i < rows * RAPT_QUARTERS; i++) sum[i] = v_set1(0.0f);
#pragma GCC unroll 1
  for (; d + DOT_CHUNK * V_LANES <= depth; d += DOT_CHUNK * V_LANES) {
#pragma GCC unroll 4
    for (int i = 0; i < DOT_CHUNK; i++) {
      dot_quarter_step(type, rows, keys, queries, stride, d + i * V_LANES, V_LANES, sum);
    }
  }
#pragma GCC unroll 1
  for (; d + V_LANES <= depth; d += V_LANES) dot_quarter_step(type, rows, keys, queries, stride, d, V_LANES, sum);
  if (d < depth) dot_quarter_step(type, rows, keys, queries, stride, d, depth - d, sum);
  dot_finish(rows, RAPT_QUARTERS, sum, total, RAPT_QUARTERS);
  scores += row * all->score_stride;
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int q = 0; q < RAPT_QUARTERS; q++) {
      scores[r * all->score_stride + q * all->apart] = total[r * RAPT_QUARTERS + q];
    }
  }
}

ALWAYS_INLINE void dots_by_quarters(const int type, const rapt_key_quarters *all) {
  const char *keys[RAPT_QUARTERS];
#pragma GCC unroll 4
  for (int q = 0; q < RAPT_QUARTERS; q++) keys[q] = all->keys[q];
#pragma GCC unroll 1
  for (int64_t k = 0; k < all->count; k++) {
    for (int64_t r = 0; r < all->rows; r += DOT_ROWS) {
#define ROWS(n)                                                \
  case n:                                                      \
    dot_quarter_block(type, n, all, keys, r, all->scores + k); \
    break;
      switch (rapt_min(all->rows - r, DOT_ROWS)) { EACH_DOT_ROWS(ROWS) }
#undef ROWS
    }
#pragma GCC unroll 4
    for (int q = 0; q < RAPT_QUARTERS; q++) keys[q] += all->key_step[q];
  }
}

// Defines a rapt_dots_quarters for one type.
#define DOTS_QUARTERS(name, type) \
  static void name(const rapt_key_quarters *quarters) { dots_by_quarters(type, quarters); }

DOTS_QUARTERS(dots_quarters_f32, AS_F32)
DOTS_QUARTERS(dots_quarters_f16, AS_F16)
DOTS_QUARTERS(dots_quarters_bf16, AS_BF16)
DOTS_QUARTERS(dots_quarters_i8, AS_I8)

#endif
