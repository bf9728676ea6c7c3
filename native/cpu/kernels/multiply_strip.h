// SPDX-License-Identifier: Apache-2.0
// The product with a strip of V. Its strides are constants, so that all broadcasts of a step have one pointer.
#ifndef RAPT_CPU_KERNELS_MULTIPLY_STRIP_H
#define RAPT_CPU_KERNELS_MULTIPLY_STRIP_H

#include "cpu/kernels/multiply.h"

static void multiply_strip(int64_t rows, int64_t depth, const float *a, const float *b, float *c, int64_t c_stride,
                           rapt_start start, const float *lane) {
#define HEIGHT(n)                                                               \
  case n:                                                                       \
    multiply_tile(n, depth, (left_side){a, 1, n}, b, c, c_stride, start, lane); \
    break;
  switch (rows) {
    EACH_HEIGHT(HEIGHT)
    default:
      break;
  }
#undef HEIGHT
}

#define MULTIPLY_STRIP multiply_strip

#endif
