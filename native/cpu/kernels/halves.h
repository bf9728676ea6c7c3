// SPDX-License-Identifier: Apache-2.0
// Products with weights that stay f16 or bf16, for few rows of input, which are bound by reading the weights: these are
// widened in registers. For many rows a panel of floats is made of them, which multiply takes. Sums run along the depth
// as multiply's do, so the bits are those of multiply on the widened weights, whatever the number of rows.
#ifndef RAPT_CPU_KERNELS_HALVES_H
#define RAPT_CPU_KERNELS_HALVES_H

#include "cpu/kernels/multiply.h"
#include "cpu/kernels/tile.h"

// What a panel holds, as a constant parameter, so that inlining leaves one kind of load. See rapt_kernels.
enum { F16_ROWS, BF16_PAIRS };

// Vector v of the panel for depth 2 p + h, where `pair` are the bytes of depths 2 p and 2 p + 1.
ALWAYS_INLINE vf half_column(const int kind, const char *pair, const int h, const int v) {
  if (kind == F16_ROWS) return v_load_f16((const uint16_t *)pair + (h * TILE_VECTORS + v) * V_LANES);
  const char *words = pair + v * V_LANES * (int64_t)sizeof(uint32_t);
  return h == 0 ? v_low_bf16(words) : v_high_bf16(words);
}

#define PAIR_BYTES (PANEL_WIDTH * (int64_t)sizeof(uint32_t))
// Bytes that a panel is prefetched ahead of where it is read: between steps of several rows a hardware prefetcher does
// not run far enough ahead.
#define HALVES_AHEAD 2048

// One register tile of c; kind and rows are constants at every call.
ALWAYS_INLINE void multiply_half_tile(const int kind, const int rows, int64_t depth, const float *a, int64_t a_row,
                                      const char *b, float *c, int64_t c_stride, const float *start,
                                      int64_t start_stride) {
  vf sum[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) sum[r][v] = v_load(start + r * start_stride + v * V_LANES);
  }
  const float *at[(TILE_ROWS + 2) / 3];
#pragma GCC unroll 8
  for (int g = 0; g < (rows + 2) / 3; g++) at[g] = a + 3 * g * a_row;
#pragma GCC unroll 2
  for (int64_t k = 0; k < depth; k += 2, b += PAIR_BYTES) {
#pragma GCC unroll 8
    for (int64_t line = 0; line < PAIR_BYTES; line += 64) __builtin_prefetch(b + HALVES_AHEAD + line);
#pragma GCC unroll 2
    for (int h = 0; h < 2; h++) {
      vf column[TILE_VECTORS];
#pragma GCC unroll 4
      for (int v = 0; v < TILE_VECTORS; v++) column[v] = half_column(kind, b, h, v);
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++) {
        vf x = v_set1(at[r / 3][r % 3 * a_row + h]);
#pragma GCC unroll 4
        for (int v = 0; v < TILE_VECTORS; v++) sum[r][v] = v_fma(x, column[v], sum[r][v]);
      }
    }
#pragma GCC unroll 8
    for (int g = 0; g < (rows + 2) / 3; g++) at[g] += 2;
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) v_store(c + r * c_stride + v * V_LANES, sum[r][v]);
  }
}

ALWAYS_INLINE void multiply_halves(const int kind, int64_t rows, int64_t depth, const float *a, int64_t a_row,
                                   const void *b, float *c, int64_t c_stride, const float *lane) {
  const float *start = lane == NULL ? c : lane;
  int64_t start_stride = lane == NULL ? c_stride : 0;
#define HEIGHT(n)                                                                      \
  case n:                                                                              \
    multiply_half_tile(kind, n, depth, a, a_row, b, c, c_stride, start, start_stride); \
    break;
  switch (rows) {
    EACH_HEIGHT(HEIGHT)
    default:
      break;
  }
#undef HEIGHT
}

static void multiply_f16(int64_t rows, int64_t depth, const float *a, int64_t a_row, const void *b, float *c,
                         int64_t c_stride, const float *lane) {
  multiply_halves(F16_ROWS, rows, depth, a, a_row, b, c, c_stride, lane);
}

static void multiply_bf16(int64_t rows, int64_t depth, const float *a, int64_t a_row, const void *b, float *c,
                          int64_t c_stride, const float *lane) {
  multiply_halves(BF16_PAIRS, rows, depth, a, a_row, b, c, c_stride, lane);
}

// A panel of `depth` elements, even, as floats.
static void widen_bf16_pairs(int64_t depth, const void *b, float *to) {
  const char *pair = b;
  for (int64_t k = 0; k < depth; k += 2, pair += PAIR_BYTES) {
#pragma GCC unroll 2
    for (int h = 0; h < 2; h++, to += PANEL_WIDTH) {
#pragma GCC unroll 4
      for (int v = 0; v < TILE_VECTORS; v++) v_store(to + v * V_LANES, half_column(BF16_PAIRS, pair, h, v));
    }
  }
}

#endif
