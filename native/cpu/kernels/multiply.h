// SPDX-License-Identifier: Apache-2.0
// The matrix product of prefill and linear: a register tile of TILE_ROWS x TILE_VECTORS vectors of C, with one
// broadcast of A per row and step. A need not be packed, neither K by rows nor V by columns; multiply_fixed.h is for
// strides that are known. B is a panel.
#ifndef RAPT_CPU_KERNELS_MULTIPLY_H
#define RAPT_CPU_KERNELS_MULTIPLY_H

#include "cpu/kernels/exp.h"
#include "cpu/kernels/tile.h"

// ADD_PRODUCT(a, b, sum) is the sum plus the product of a broadcast element of a and a vector of the panel.
#ifndef ADD_PRODUCT
#define ADD_PRODUCT v_fma
#endif

// The operand that is broadcast: element (r, k) is at[r * row + k * step].
typedef struct left_side {
  const float *at;
  int64_t row;
  int64_t step;
} left_side;

// All steps over depth. The accumulators stay in registers, because rows is a constant at every call.
ALWAYS_INLINE void accumulate(const int rows, int64_t depth, left_side a, const float *b,
                              vf sum[TILE_ROWS][TILE_VECTORS]) {
  // A pointer per three rows: base, base + stride and base + 2 * stride are addressing modes.
  const float *at[(TILE_ROWS + 2) / 3];
#pragma GCC unroll 8
  for (int g = 0; g < (rows + 2) / 3; g++) at[g] = a.at + 3 * g * a.row;
#pragma GCC unroll 4
  for (int64_t k = 0; k < depth; k++) {
    vf column[TILE_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) column[v] = v_load(b + v * V_LANES);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
      vf x = v_set1(at[r / 3][r % 3 * a.row]);
#pragma GCC unroll 4
      for (int v = 0; v < TILE_VECTORS; v++) sum[r][v] = ADD_PRODUCT(x, column[v], sum[r][v]);
    }
#pragma GCC unroll 8
    for (int g = 0; g < (rows + 2) / 3; g++) at[g] += a.step;
    b += PANEL_WIDTH;
  }
}

// One register tile of c; rows is a constant at every call.
ALWAYS_INLINE void multiply_tile(const int rows, int64_t depth, left_side a, const float *restrict b, float *restrict c,
                                 int64_t c_stride, rapt_start start, const float *restrict lane) {
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
  accumulate(rows, depth, a, b, sum);
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) v_store(c + r * c_stride + v * V_LANES, sum[r][v]);
  }
}

// CASE(n) for every height of a tile.
#if TILE_ROWS == 12
#define EACH_HEIGHT(CASE) \
  CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#elif TILE_ROWS == 6
#define EACH_HEIGHT(CASE) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#elif TILE_ROWS == 4
#define EACH_HEIGHT(CASE) CASE(1) CASE(2) CASE(3) CASE(4)
#endif

static void multiply(int64_t rows, int64_t depth, const float *a, int64_t a_row, int64_t a_step, const float *b,
                     float *c, int64_t c_stride, rapt_start start, const float *lane) {
  // Tiles of nearly equal height: in a last tile of one or two rows each FMA would wait for the one before.
  int64_t tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
  for (int64_t t = 0, r = 0; t < tiles; t++) {
    int64_t height = (rows - r + tiles - t - 1) / (tiles - t);
#define HEIGHT(n)                                                                                                   \
  case n:                                                                                                           \
    multiply_tile(n, depth, (left_side){a + r * a_row, a_row, a_step}, b, c + r * c_stride, c_stride, start, lane); \
    break;
    switch (height) {
      EACH_HEIGHT(HEIGHT)
      default:
        break;
    }
#undef HEIGHT
    r += height;
  }
}

// Turns the scores of a tile into weights while they are in registers, unless one is above its reference: then it
// stores the scores and returns 0.
ALWAYS_INLINE int weigh_tile(const int rows, int64_t depth, left_side a, const float *restrict b, float *restrict c,
                             vf factor, const vf reference[TILE_VECTORS], vf total[TILE_VECTORS]) {
  vf sum[TILE_ROWS][TILE_VECTORS], highest[TILE_VECTORS];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) sum[r][v] = v_set1(0.0f);
  }
  accumulate(rows, depth, a, b, sum);
  int exceeded = 0;
#pragma GCC unroll 4
  for (int v = 0; v < TILE_VECTORS; v++) {
    highest[v] = reference[v];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) highest[v] = v_max(sum[r][v], highest[v]);
    exceeded |= v_any_less(reference[v], highest[v]);
  }
  if (exceeded) {
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
      for (int v = 0; v < TILE_VECTORS; v++) v_store(c + r * PANEL_WIDTH + v * V_LANES, sum[r][v]);
    }
    return 0;
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) {
      vf weight = v_exp2(v_mul(v_sub(sum[r][v], reference[v]), factor));
      v_store(c + r * PANEL_WIDTH + v * V_LANES, weight);
      total[v] = v_add(total[v], weight);
    }
  }
  return 1;
}

static int64_t multiply_and_weigh(int64_t rows, int64_t depth, const float *a, int64_t a_row, const float *b, float *c,
                                  float to_exponent, const float *lane_max, float *lane_sum, int64_t *scored) {
  vf reference[TILE_VECTORS], total[TILE_VECTORS], factor = v_set1(to_exponent);
  *scored = 0;
  for (int v = 0; v < TILE_VECTORS; v++) {
    reference[v] = v_load(lane_max + v * V_LANES);
    total[v] = v_load(lane_sum + v * V_LANES);
    if (v_any_less(reference[v], v_set1(-__FLT_MAX__))) return 0;
  }
  int64_t tiles = (rows + TILE_ROWS - 1) / TILE_ROWS, r = 0;
  for (int64_t t = 0; t < tiles; t++) {
    int64_t height = (rows - r + tiles - t - 1) / (tiles - t);
    int weighed = 0;
#define HEIGHT(n)                                                                                                     \
  case n:                                                                                                             \
    weighed =                                                                                                         \
        weigh_tile(n, depth, (left_side){a + r * a_row, a_row, 1}, b, c + r * PANEL_WIDTH, factor, reference, total); \
    break;
    switch (height) {
      EACH_HEIGHT(HEIGHT)
      default:
        break;
    }
#undef HEIGHT
    if (!weighed) {
      *scored = height;
      break;
    }
    r += height;
  }
  for (int v = 0; v < TILE_VECTORS; v++) v_store(lane_sum + v * V_LANES, total[v]);
  return r;
}

#endif
