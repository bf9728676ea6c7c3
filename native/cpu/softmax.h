// SPDX-License-Identifier: Apache-2.0
// Online softmax over score panels [key][lane] (Milakov and Gimelshein 2018): lane-wise, without horizontal sums.
#ifndef RAPT_CPU_SOFTMAX_H
#define RAPT_CPU_SOFTMAX_H

#include "cpu/exp.h"

static vf column_max(int64_t keys, int64_t width, const float *scores) {
  vf a = v_set1(-__builtin_inff()), b = a;
  int64_t k = 0;
  for (; k + 2 <= keys; k += 2) {
    a = v_max(a, v_load(scores + k * width));
    b = v_max(b, v_load(scores + (k + 1) * width));
  }
  if (k < keys) a = v_max(a, v_load(scores + k * width));
  return v_max(a, b);
}

static int softmax(int64_t keys, int64_t width, float *scores, float *lane_max, float *lane_sum, float *correction) {
  vf one = v_set1(1.0f), zero = v_set1(0.0f), lowest = v_set1(-__builtin_inff()), log2e = v_set1(LOG2E);
  int moved = 0;
  for (int64_t v = 0; v < width; v += V_LANES) {
    float *column = scores + v;
    vf old_max = v_load(lane_max + v);
    vf tile_max = column_max(keys, width, column);
    // A NaN among the scores may be lost here. It is not lost below, where every score is used.
    vf new_max = v_if_less(old_max, tile_max, tile_max, old_max);
    vf scale = one;
    if (v_any_less(old_max, new_max)) {
      moved = 1;
      // Lanes that did not move: exactly 1, also where both are -inf, whose difference is NaN.
      scale = v_if_equal(old_max, new_max, one, v_exp2(v_mul(v_sub(old_max, new_max), log2e)));
      v_store(lane_max + v, new_max);
    }
    v_store(correction + v, scale);
    // A lane without a visible key yet has maximum -inf; any finite reference gives its -inf scores weight 0.
    vf reference = v_if_equal(new_max, lowest, zero, new_max);
    vf base = v_mul(reference, v_set1(-LOG2E));
    vf sum_a = zero, sum_b = zero;
    int64_t k = 0;
    for (; k + 2 <= keys; k += 2) {
      vf p = v_exp2(v_fma(v_load(column + k * width), log2e, base));
      vf q = v_exp2(v_fma(v_load(column + (k + 1) * width), log2e, base));
      v_store(column + k * width, p);
      v_store(column + (k + 1) * width, q);
      sum_a = v_add(sum_a, p);
      sum_b = v_add(sum_b, q);
    }
    if (k < keys) {
      vf p = v_exp2(v_fma(v_load(column + k * width), log2e, base));
      v_store(column + k * width, p);
      sum_a = v_add(sum_a, p);
    }
    v_store(lane_sum + v, v_fma(v_load(lane_sum + v), scale, v_add(sum_a, sum_b)));
  }
  return moved;
}

static void weigh(int64_t count, float maximum, float factor, float *row) {
  vf base = v_set1(maximum * -LOG2E), log2e = v_set1(LOG2E), scale = v_set1(factor);
  int64_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) {
    v_store(row + i, v_mul(v_exp2(v_fma(v_load(row + i), log2e, base)), scale));
  }
  if (i < count) {
    v_store_n(row + i, v_mul(v_exp2(v_fma(v_load_n(row + i, count - i), log2e, base)), scale), count - i);
  }
}

#endif
