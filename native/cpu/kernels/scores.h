// SPDX-License-Identifier: Apache-2.0
// The transforms of scores between Q.K and the softmax, over score panels [key][lane].
#ifndef RAPT_CPU_KERNELS_SCORES_H
#define RAPT_CPU_KERNELS_SCORES_H

#include "cpu/kernels/exp.h"

static void scale_scores(int64_t count, float factor, float *scores) {
  vf f = v_set1(factor);
  for (int64_t i = 0; i < count; i += V_LANES) v_store(scores + i, v_mul(v_load(scores + i), f));
}

static void scale_keys(int64_t rows, int64_t keys, int64_t stride, const float *factors, float *scores) {
  for (int64_t k = 0; k < keys; k += V_LANES) {
    int64_t n = keys - k < V_LANES ? keys - k : V_LANES;
    vf f = v_load_n(factors + k, n);
    for (int64_t r = 0; r < rows; r++) {
      float *at = scores + r * stride + k;
      v_store_n(at, v_mul(v_load_n(at, n), f), n);
    }
  }
}

static void softcap(int64_t count, float cap, float *scores) {
  vf factor = v_set1(cap), divisor = v_set1(cap);
  for (int64_t i = 0; i < count; i += V_LANES) {
    v_store(scores + i, v_mul(factor, v_tanh(v_div(v_load(scores + i), divisor))));
  }
}

static void add_bias(int64_t count, const float *bias, float *scores) {
  vf lowest = v_set1(-__builtin_inff());
  for (int64_t i = 0; i < count; i += V_LANES) {
    int64_t n = count - i < V_LANES ? count - i : V_LANES;
    vf b = v_load_n(bias + i, n);
    // A masked score may be NaN or +inf, which adding -inf would not turn into -inf.
    v_store_n(scores + i, v_if_equal(b, lowest, lowest, v_add(v_load_n(scores + i, n), b)), n);
  }
}

static void alibi(int64_t keys, int64_t width, const float *slope, const float *position, float *scores) {
  for (int64_t v = 0; v < width; v += V_LANES) {
    vf lane_slope = v_load(slope + v), lane_position = v_load(position + v);
    for (int64_t k = 0; k < keys; k++) {
      vf distance = v_abs(v_sub(lane_position, v_set1((float)k)));
      float *at = scores + k * width + v;
      v_store(at, v_sub(v_load(at), v_mul(lane_slope, distance)));
    }
  }
}

static void restrict_keys(int64_t keys, int64_t width, const float *first, const float *last, float *scores) {
  vf lowest = v_set1(-__builtin_inff());
  for (int64_t v = 0; v < width; v += V_LANES) {
    vf lane_first = v_load(first + v), lane_last = v_load(last + v);
    for (int64_t k = 0; k < keys; k++) {
      vf key = v_set1((float)k);
      float *at = scores + k * width + v;
      v_store(at, v_if_less(key, lane_first, lowest, v_if_less(key, lane_last, v_load(at), lowest)));
    }
  }
}

static void mask_to_bias(int64_t count, const uint8_t *allowed, const float *bias, float *out) {
  if (bias == NULL) {
    for (int64_t i = 0; i < count; i++) out[i] = allowed[i] != 0 ? 0.0f : -__builtin_inff();
  } else {
    for (int64_t i = 0; i < count; i++) out[i] = allowed[i] != 0 ? bias[i] : -__builtin_inff();
  }
}

static int all_finite(int64_t count, const float *values) {
  // x - x is 0 for a finite x and NaN otherwise, and NaN stays in a sum.
  vf sum = v_set1(0.0f);
  int64_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) {
    vf x = v_load(values + i);
    sum = v_add(sum, v_sub(x, x));
  }
  if (i < count) {
    vf x = v_load_n(values + i, count - i);
    sum = v_add(sum, v_sub(x, x));
  }
  return v_sum(sum) == 0.0f;
}

#endif
