// SPDX-License-Identifier: Apache-2.0
// Decode's dot products of bf16 queries with bf16 keys, both in place: half the multiplications of widened keys, and
// no conversions.
#ifndef RAPT_CPU_KERNELS_DOTS_PAIRS_H
#define RAPT_CPU_KERNELS_DOTS_PAIRS_H

#include "cpu/kernels/prefetch.h"
#include "cpu/kernels/tile.h"

// bf16 elements in a vector.
#define DOT_STEP (2 * V_LANES)
#define DOT_SUM_ROWS 0
#define DOT_STREAM_ROWS(type, depth) 4

// Elements at .. at + n of a row of bf16, n <= DOT_STEP, zeros behind; the rest is not read.
ALWAYS_INLINE vf dot_query(const void *row, int64_t at, int64_t n) {
  const uint16_t *from = (const uint16_t *)row + at;
  __mmask32 first = (__mmask32)((1ull << n) - 1);
  return _mm512_castsi512_ps(n == DOT_STEP ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi16(first, from));
}

ALWAYS_INLINE vf dot_key(const int type, const void *row, int64_t at, int64_t n) {
  (void)type;
  return dot_query(row, at, n);
}

#define dot_product(query, key, sum) v_add_pair_products(query, key, sum)
#define dot_stream(rows, keys, stride, depth, type) stream_of(keys, stride, depth, sizeof(uint16_t))
#include "cpu/kernels/dots.h"

DOTS(dots_pairs, AS_BF16)

#endif
