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

// Exponents are to base 2, and so is the running maximum: a difference of two maxima is then exact where it matters,
// and to_exponent costs neither an instruction nor a rounding of its own, being inside the fused multiply-add.
static int softmax(int64_t keys, int64_t width, float to_exponent, float *scores, float *lane_max, float *lane_sum,
                   float *correction) {
  vf one = v_set1(1.0f), zero = v_set1(0.0f), lowest = v_set1(-__builtin_inff()), factor = v_set1(to_exponent);
  int moved = 0;
  for (int64_t v = 0; v < width; v += V_LANES) {
    float *column = scores + v;
    vf old_max = v_load(lane_max + v);
    vf tile_max = v_mul(column_max(keys, width, column), factor);
    // A NaN among the scores may be lost here. It is not lost below, where every score is used.
    vf new_max = v_if_less(old_max, tile_max, tile_max, old_max);
    vf kept = one;
    if (v_any_less(old_max, new_max)) {
      moved = 1;
      // Lanes that did not move: exactly 1, also where both are -inf, whose difference is NaN.
      kept = v_if_equal(old_max, new_max, one, v_exp2(v_sub(old_max, new_max)));
      v_store(lane_max + v, new_max);
    }
    v_store(correction + v, kept);
    // A lane without a visible key yet has maximum -inf; any finite reference gives its -inf scores weight 0.
    vf reference = v_sub(zero, v_if_equal(new_max, lowest, zero, new_max));
    // One chain, in the order in which the product with V adds: equal roundings then cancel in the quotient.
    vf sum = v_mul(v_load(lane_sum + v), kept);
    int64_t k = 0;
    for (; k + 2 <= keys; k += 2) {
      vf p = v_exp2(v_fma(v_load(column + k * width), factor, reference));
      vf q = v_exp2(v_fma(v_load(column + (k + 1) * width), factor, reference));
      v_store(column + k * width, p);
      v_store(column + (k + 1) * width, q);
      sum = v_add(v_add(sum, p), q);
    }
    if (k < keys) {
      vf p = v_exp2(v_fma(v_load(column + k * width), factor, reference));
      v_store(column + k * width, p);
      sum = v_add(sum, p);
    }
    v_store(lane_sum + v, sum);
  }
  return moved;
}

// 2^(score * to_exponent - maximum) * factor, and 0 for a masked score even in a row whose maximum or factor is NaN or
// infinite.
static vf weight_of(vf score, vf to_exponent, vf reference, vf factor) {
  vf weight = v_mul(v_exp2(v_fma(score, to_exponent, reference)), factor);
  return v_if_equal(score, v_set1(-__builtin_inff()), v_set1(0.0f), weight);
}

static void weigh(int64_t count, float to_exponent, float maximum, float factor, float *row) {
  vf t = v_set1(to_exponent), reference = v_set1(-maximum), f = v_set1(factor);
  int64_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) v_store(row + i, weight_of(v_load(row + i), t, reference, f));
  if (i < count) v_store_n(row + i, weight_of(v_load_n(row + i, count - i), t, reference, f), count - i);
}

#endif
