// SPDX-License-Identifier: Apache-2.0
// Decode's dot products of bf16 queries with bf16 keys, both as they lie: half the multiplications of widened keys, and
// nothing to widen.
#ifndef RAPT_CPU_KERNELS_DOTS_PAIRS_H
#define RAPT_CPU_KERNELS_DOTS_PAIRS_H

#include "cpu/kernels/kernels.h"
#include "cpu/kernels/prefetch.h"
#include "cpu/kernels/tile.h"

// bf16 of a vector, and rows of one register block.
#define PAIR_ELEMENTS (2 * V_LANES)
#define DOT_ROWS 4

// Elements at .. at + n of a row of bf16, n <= PAIR_ELEMENTS, zeros behind; the rest is not read.
ALWAYS_INLINE vf load_pairs(const void *row, int64_t at, int64_t n) {
  const uint16_t *from = (const uint16_t *)row + at;
  __mmask32 first = (__mmask32)((1ull << n) - 1);
  return _mm512_castsi512_ps(n == PAIR_ELEMENTS ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi16(first, from));
}

ALWAYS_INLINE void dot_pairs_step(const int rows, const int keys, const float *queries, int64_t query_stride,
                                  const char *key, int64_t key_stride, int64_t d, int64_t n, vf *sum) {
  vf column[DOT_KEYS];
#pragma GCC unroll 4
  for (int k = 0; k < keys; k++) column[k] = load_pairs(key + k * key_stride, d, n);
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
    vf query = load_pairs(queries + r * query_stride, d, n);
#pragma GCC unroll 4
    for (int k = 0; k < keys; k++) sum[r * keys + k] = v_add_pair_products(query, column[k], sum[r * keys + k]);
  }
}

// Between any two steps along the keys `share` lines of `next` are prefetched.
ALWAYS_INLINE void dot_pairs_block(const int rows, const int keys, const float *queries, int64_t query_stride,
                                   const char *key, int64_t key_stride, int64_t depth, float *scores,
                                   int64_t score_stride, prefetch *next, int64_t share) {
  vf sum[DOT_ROWS * DOT_KEYS];
#pragma GCC unroll 16
  for (int i = 0; i < rows * keys; i++) sum[i] = v_set1(0.0f);
  int64_t d = 0;
#pragma GCC unroll 1
  for (; d + PAIR_ELEMENTS <= depth; d += PAIR_ELEMENTS) {
    prefetch_lines(next, share);
    dot_pairs_step(rows, keys, queries, query_stride, key, key_stride, d, PAIR_ELEMENTS, sum);
  }
  if (d < depth) dot_pairs_step(rows, keys, queries, query_stride, key, key_stride, d, depth - d, sum);
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
    if (keys == 4) {
      v_sum4(sum + r * keys, scores + r * score_stride);
    } else {
      scores[r * score_stride] = v_sum(sum[r]);
    }
  }
}

static void dots_pairs(int64_t rows, const float *queries, int64_t query_stride, int64_t key_count, const void *keys,
                       int64_t key_stride, int64_t depth, float *scores, int64_t score_stride) {
  stream s = stream_of(keys, key_stride, depth, sizeof(uint16_t));
  int64_t steps = (rows + DOT_ROWS - 1) / DOT_ROWS * (depth / PAIR_ELEMENTS), share = 0;
  if (steps > 0) share = (line_count(DOT_KEYS * s.bytes) + steps - 1) / steps;
  for (int64_t k = 0; k < key_count;) {
    int64_t block = key_count - k >= DOT_KEYS ? DOT_KEYS : 1;
    prefetch next = prefetch_start(&s, k, block);
    const char *key = s.first + k * s.stride;
    for (int64_t r = 0; r < rows; r += DOT_ROWS) {
      const float *from = queries + r * query_stride;
      float *to = scores + r * score_stride + k;
#define ROWS(n)                                                                                               \
  case n:                                                                                                     \
    if (block == DOT_KEYS) {                                                                                  \
      dot_pairs_block(n, DOT_KEYS, from, query_stride, key, s.stride, depth, to, score_stride, &next, share); \
    } else {                                                                                                  \
      dot_pairs_block(n, 1, from, query_stride, key, s.stride, depth, to, score_stride, &next, share);        \
    }                                                                                                         \
    break;
      switch (rows - r < DOT_ROWS ? rows - r : DOT_ROWS) {
        ROWS(1)
        ROWS(2)
        ROWS(3)
        ROWS(DOT_ROWS)
      }
#undef ROWS
    }
    prefetch_rest(&next);
    k += block;
  }
}

#endif
