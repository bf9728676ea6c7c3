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

// The weight of a score relative to a maximum. The difference comes first: it is exact where it matters, however large
// the scores, while a product rounded before it would be off by a hundredth at scores of -1e5.
static inline vf weight(vf score, vf reference, vf to_exponent) {
  return v_exp2(v_mul(v_sub(score, reference), to_exponent));
}

static int softmax(int64_t keys, int64_t width, float to_exponent, float *scores, float *lane_max, float *lane_sum,
                   float *correction) {
  vf one = v_set1(1.0f), zero = v_set1(0.0f), lowest = v_set1(-__builtin_inff()), factor = v_set1(to_exponent);
  int moved = 0;
  for (int64_t v = 0; v < width; v += V_LANES) {
    float *column = scores + v;
    vf old_max = v_load(lane_max + v);
    vf tile_max = column_max(keys, width, column);
    // A NaN among the scores may be lost here. It is not lost below, where every score is used.
    vf new_max = v_if_less(old_max, tile_max, tile_max, old_max);
    vf kept = one;
    if (v_any_less(old_max, new_max)) {
      moved = 1;
      // Lanes that did not move: exactly 1, also where both are -inf, whose difference is NaN.
      kept = v_if_equal(old_max, new_max, one, weight(old_max, new_max, factor));
      v_store(lane_max + v, new_max);
    }
    v_store(correction + v, kept);
    // A lane without a visible key yet has maximum -inf; any finite reference gives its -inf scores weight 0.
    vf reference = v_if_equal(new_max, lowest, zero, new_max);
    // One chain, in the order in which the product with V adds: equal roundings then cancel in the quotient.
    vf sum = v_mul(v_load(lane_sum + v), kept);
    int64_t k = 0;
    for (; k + 2 <= keys; k += 2) {
      vf p = weight(v_load(column + k * width), reference, factor);
      vf q = weight(v_load(column + (k + 1) * width), reference, factor);
      v_store(column + k * width, p);
      v_store(column + (k + 1) * width, q);
      sum = v_add(v_add(sum, p), q);
    }
    if (k < keys) {
      vf p = weight(v_load(column + k * width), reference, factor);
      v_store(column + k * width, p);
      sum = v_add(sum, p);
    }
    v_store(lane_sum + v, sum);
  }
  return moved;
}

// 0 for a masked score even in a row whose maximum or factor is NaN or infinite.
static inline vf final_weight(vf score, vf reference, vf to_exponent, vf factor) {
  vf w = v_mul(weight(score, reference, to_exponent), factor);
  return v_if_equal(score, v_set1(-__builtin_inff()), v_set1(0.0f), w);
}

static void weigh(int64_t count, float to_exponent, float maximum, float factor, float *row) {
  vf t = v_set1(to_exponent), reference = v_set1(maximum), f = v_set1(factor);
  int64_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) v_store(row + i, final_weight(v_load(row + i), reference, t, f));
  if (i < count) v_store_n(row + i, final_weight(v_load_n(row + i, count - i), reference, t, f), count - i);
}

#endif
