// SPDX-License-Identifier: Apache-2.0
// Online softmax over rows of scores, with keys in lanes, for decode: few query rows would leave lanes of a panel
// empty.
#ifndef RAPT_CPU_KERNELS_SOFTMAX_ROWS_H
#define RAPT_CPU_KERNELS_SOFTMAX_ROWS_H

#include "cpu/kernels/softmax.h"

static void softmax_rows(int64_t rows, int64_t keys, int64_t stride, float to_exponent, float *scores, float *row_max,
                         float *row_sum, float *correction) {
  const float lowest = -__builtin_inff();
  vf factor = v_set1(to_exponent);
  for (int64_t r = 0; r < rows; r++) {
    float *row = scores + r * stride;
    int64_t end = keys;
    for (; end % V_LANES != 0; end++) row[end] = lowest;
    vf highest = v_set1(lowest);
    for (int64_t k = 0; k < end; k += V_LANES) highest = v_max(highest, v_load(row + k));
    float old_max = row_max[r], tile_max = v_highest(highest);
    // The maximum may lose a NaN among the scores; their weights, below, do not.
    float new_max = old_max < tile_max ? tile_max : old_max;
    correction[r] = 1;
    if (old_max < new_max) {
      float kept[V_LANES];
      v_store(kept, weight(v_set1(old_max), v_set1(new_max), factor));
      correction[r] = kept[0];
      row_max[r] = new_max;
    }
    // A row that has seen no visible key has maximum -inf; any finite reference gives its -inf scores weight 0.
    vf reference = v_set1(new_max == lowest ? 0 : new_max);
    vf sum = v_set1(0.0f);
    for (int64_t k = 0; k < end; k += V_LANES) {
      vf p = weight(v_load(row + k), reference, factor);
      v_store(row + k, p);
      sum = v_add(sum, p);
    }
    row_sum[r] = row_sum[r] * correction[r] + v_sum(sum);
  }
}

#endif
