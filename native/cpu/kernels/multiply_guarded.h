// SPDX-License-Identifier: Apache-2.0
// The product with V where V holds NaN or infinities that masked keys must not let through.
#ifndef RAPT_CPU_KERNELS_MULTIPLY_GUARDED_H
#define RAPT_CPU_KERNELS_MULTIPLY_GUARDED_H

#include "cpu/kernels/tile.h"

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
