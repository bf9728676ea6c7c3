// SPDX-License-Identifier: Apache-2.0
// The matrix product that everything stands on: a register tile of TILE_ROWS x TILE_VECTORS vectors of C, one
// broadcast of A per row and step. A lies as it came, K's rows one after the other or V's side by side: broadcasts from
// cache cost the same either way. B is a panel.
#ifndef RAPT_CPU_MULTIPLY_H
#define RAPT_CPU_MULTIPLY_H

#include "cpu/tile.h"

// rows is a constant at every call, so that the accumulators live in registers.
ALWAYS_INLINE void multiply_tile(const int rows, int64_t depth, const float *restrict a, int64_t a_row, int64_t a_step,
                                 const float *restrict b, float *restrict c, int64_t c_stride, rapt_start start,
                                 const float *restrict lane) {
  vf sum[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) {
      const float *from = c + r * c_stride + v * V_LANES;
      if (start == RAPT_START_ZERO) {
        sum[r][v] = v_set1(0.0f);
      } else if (start == RAPT_START_C) {
        sum[r][v] = v_load(from);
      } else if (start == RAPT_START_SCALED) {
        sum[r][v] = v_mul(v_load(from), v_load(lane + v * V_LANES));
      } else {
        sum[r][v] = v_load(lane + v * V_LANES);
      }
    }
  }
  // A pointer per three rows: base, base + stride and base + 2 * stride are what one address can name.
  const float *at[(TILE_ROWS + 2) / 3];
#pragma GCC unroll 8
  for (int g = 0; g < (rows + 2) / 3; g++) at[g] = a + 3 * g * a_row;
#pragma GCC unroll 4
  for (int64_t k = 0; k < depth; k++) {
    vf column[TILE_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) column[v] = v_load(b + v * V_LANES);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
      vf x = v_set1(at[r / 3][r % 3 * a_row]);
#pragma GCC unroll 4
      for (int v = 0; v < TILE_VECTORS; v++) sum[r][v] = v_fma(x, column[v], sum[r][v]);
    }
#pragma GCC unroll 8
    for (int g = 0; g < (rows + 2) / 3; g++) at[g] += a_step;
    b += PANEL_WIDTH;
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) v_store(c + r * c_stride + v * V_LANES, sum[r][v]);
  }
}

static void multiply(int64_t rows, int64_t depth, const float *a, int64_t a_row, int64_t a_step, const float *b,
                     float *c, int64_t c_stride, rapt_start start, const float *lane) {
  // Tiles of nearly equal height: a last tile of one or two rows would leave the FMA units waiting for their own
  // results.
  int64_t tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
  for (int64_t t = 0, r = 0; t < tiles; t++) {
    int64_t height = (rows - r + tiles - t - 1) / (tiles - t);
#define HEIGHT(n)                                                                                      \
  case n:                                                                                              \
    multiply_tile(n, depth, a + r * a_row, a_row, a_step, b, c + r * c_stride, c_stride, start, lane); \
    break;
    switch (height) {
      HEIGHT(1)
      HEIGHT(2)
      HEIGHT(3)
      HEIGHT(4)
#if TILE_ROWS > 4
      HEIGHT(5)
      HEIGHT(6)
#endif
#if TILE_ROWS > 6
      HEIGHT(7)
      HEIGHT(8)
      HEIGHT(9)
      HEIGHT(10)
      HEIGHT(11)
      HEIGHT(12)
#endif
      default:
        break;
    }
#undef HEIGHT
    r += height;
  }
}

static void multiply_guarded(int64_t rows, int64_t depth, const float *a, int64_t a_row, int64_t a_step, const float *b,
                             float *c, int64_t c_stride, rapt_start start, const float *lane) {
  vf zero = v_set1(0.0f);
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t v = 0; v < PANEL_WIDTH; v += V_LANES) {
      float *to = c + r * c_stride + v;
      vf sum = start == RAPT_START_LANE ? v_load(lane + v) : zero;
      if (start == RAPT_START_C) sum = v_load(to);
      if (start == RAPT_START_SCALED) sum = v_mul(v_load(to), v_load(lane + v));
      for (int64_t k = 0; k < depth; k++) {
        vf weight = v_load(b + k * PANEL_WIDTH + v);
        sum = v_if_equal(weight, zero, sum, v_fma(v_set1(a[r * a_row + k * a_step]), weight, sum));
      }
      v_store(to, sum);
    }
  }
}

#endif
