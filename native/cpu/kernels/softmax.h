// SPDX-License-Identifier: Apache-2.0
// Online softmax over score panels [key][lane] (Milakov and Gimelshein 2018): lane-wise, without horizontal sums.
#ifndef RAPT_CPU_KERNELS_SOFTMAX_H
#define RAPT_CPU_KERNELS_SOFTMAX_H

#include "cpu/kernels/exp.h"
#include "cpu/kernels/tile.h"

#define MOST_COLUMNS 2

// The weight of a score relative to a maximum. The difference is taken before the product: it is exact where the weight
// is not tiny, however large the scores. Products rounded first would be off by a hundredth at scores of -1e5.
static inline vf weight(vf score, vf reference, vf to_exponent) {
  return v_exp2(v_mul(v_sub(score, reference), to_exponent));
}

// Per column: running maximum and sum, and the weight of the old maximum under the new one.
typedef struct column_state {
  float *maximum;
  float *sum;
  float *correction;
} column_state;

static inline column_state column_at(column_state first, int64_t v) {
  return (column_state){first.maximum + v, first.sum + v, first.correction + v};
}

// Works on `vectors` vectors of columns at a time, a constant at every call: each has its own chain of additions, and
// one chain's latency is hidden by the others.
ALWAYS_INLINE int softmax_columns(const int vectors, int64_t keys, int64_t width, vf factor, vf headroom, float *scores,
                                  column_state state) {
  vf one = v_set1(1.0f), zero = v_set1(0.0f), lowest = v_set1(-__builtin_inff());
  vf highest[2][MOST_COLUMNS], reference[MOST_COLUMNS], sum[MOST_COLUMNS];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) highest[0][v] = highest[1][v] = lowest;
  int64_t k = 0;
  for (; k + 2 <= keys; k += 2) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      highest[0][v] = v_max(highest[0][v], v_load(scores + k * width + v * V_LANES));
      highest[1][v] = v_max(highest[1][v], v_load(scores + (k + 1) * width + v * V_LANES));
    }
  }
  int moved = 0;
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    if (k < keys) highest[0][v] = v_max(highest[0][v], v_load(scores + k * width + v * V_LANES));
    vf old_max = v_load(state.maximum + v * V_LANES), tile_max = v_max(highest[0][v], highest[1][v]);
    // The maximum may lose a NaN among the scores; their weights, below, do not.
    vf least = v_add(tile_max, v_mul(headroom, v_set1(0.5f)));
    vf new_max = v_if_less(old_max, least, v_add(tile_max, headroom), old_max);
    vf kept = one;
    if (v_any_less(old_max, new_max)) {
      moved = 1;
      // Exactly 1 where the maximum did not move, also where both are -inf, whose difference is NaN.
      kept = v_if_equal(old_max, new_max, one, weight(old_max, new_max, factor));
      v_store(state.maximum + v * V_LANES, new_max);
    }
    v_store(state.correction + v * V_LANES, kept);
    // A lane that has seen no visible key has maximum -inf; any finite reference gives its -inf scores weight 0.
    reference[v] = v_if_equal(new_max, lowest, zero, new_max);
    sum[v] = v_mul(v_load(state.sum + v * V_LANES), kept);
  }
  // One chain of additions per lane, in the order in which the product with V adds: equal rounding errors then cancel
  // in the quotient.
#pragma GCC unroll 2
  for (k = 0; k < keys; k++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      float *at = scores + k * width + v * V_LANES;
      vf w = weight(v_load(at), reference[v], factor);
      v_store(at, w);
      sum[v] = v_add(sum[v], w);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) v_store(state.sum + v * V_LANES, sum[v]);
  return moved;
}

static int softmax(int64_t keys, int64_t width, float to_exponent, float headroom, float *scores, float *lane_max,
                   float *lane_sum, float *correction) {
  vf factor = v_set1(to_exponent), room = v_set1(headroom);
  column_state first = {lane_max, lane_sum, correction};
  int moved = 0;
  int64_t v = 0;
  for (; v + MOST_COLUMNS * V_LANES <= width; v += MOST_COLUMNS * V_LANES) {
    moved |= softmax_columns(MOST_COLUMNS, keys, width, factor, room, scores + v, column_at(first, v));
  }
  for (; v < width; v += V_LANES) {
    moved |= softmax_columns(1, keys, width, factor, room, scores + v, column_at(first, v));
  }
  return moved;
}

// The final weight of a score; 0 for a masked score, even where the row's maximum or factor is NaN or infinite.
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
