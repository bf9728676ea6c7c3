// SPDX-License-Identifier: Apache-2.0
// Products whose step along a row, and for strips its distance to the next one, is a constant, so that four steps move
// their pointers once: 87 in place of 93 instructions beside 48 FMAs, which counts where another thread shares the
// core.
#ifndef RAPT_CPU_KERNELS_MULTIPLY_FIXED_H
#define RAPT_CPU_KERNELS_MULTIPLY_FIXED_H

#include "cpu/kernels/multiply.h"

ALWAYS_INLINE void multiply_height(int64_t height, int64_t depth, const float *a, int64_t a_row, const int is_strip,
                                   const float *b, float *c, int64_t c_stride, rapt_start start, const float *lane) {
#define HEIGHT(n)                                                                                                     \
  case n:                                                                                                             \
    multiply_tile(n, depth, is_strip ? (left_side){a, 1, n} : (left_side){a, a_row, 1}, b, c, c_stride, start, lane); \
    break;
  switch (height) {
    EACH_HEIGHT(HEIGHT)
    default:
      break;
  }
#undef HEIGHT
}

static void multiply_strip(int64_t rows, int64_t depth, const float *a, const float *b, float *c, int64_t c_stride,
                           rapt_start start, const float *lane) {
  multiply_height(rows, depth, a, 0, 1, b, c, c_stride, start, lane);
}

static void multiply_lines(int64_t rows, int64_t depth, const float *a, int64_t a_row, const float *b, float *c,
                           int64_t c_stride, rapt_start start, const float *lane) {
  multiply_height(rows, depth, a, a_row, 0, b, c, c_stride, start, lane);
}

#define MULTIPLY_STRIP multiply_strip
#define MULTIPLY_LINES multiply_lines

#endif
