// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/weights.h"

#include "base/arithmetic.h"
#include "cpu/engine/rows.h"

// Weights finished at a time where they do not lie together.
#define SOME 256

void rapt_sdpa_write_weights(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                             const rapt_sdpa_queries *queries, int64_t j, int64_t keys, const float *scores,
                             float *staged) {
  const rapt_tensor *w = &problem->call.weights;
  float *rows[RAPT_MAX_PANEL_WIDTH] = {0};
  int direct = !rapt_sdpa_stages_weights(problem);
  for (int64_t r = 0; r < queries->count; r++) {
    rows[r] = direct ? (float *)rapt_sdpa_row_of(w, queries, r) + j : staged + r * keys;
  }
  kernels->unpack(scores, queries->count, keys, queries->width, NULL, rows);
  for (int64_t r = 0; !direct && r < queries->count; r++) {
    float *to = (float *)rapt_sdpa_row_of(w, queries, r) + j * w->stride[3];
    rapt_write_row(kernels, rows[r], keys, RAPT_F32, to, w->stride[3]);
  }
}

static void finish_row(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, float maximum, float factor,
                       float *row) {
  int64_t keys = problem->call.kv_len, stride = problem->call.weights.stride[3];
  if (stride == 1) {
    if (keys > 0) kernels->weigh(keys, problem->to_exponent, maximum, factor, row);
    return;
  }
  float some[SOME];
  for (int64_t j = 0; j < keys; j += SOME) {
    int64_t count = rapt_min(keys - j, SOME);
    rapt_read_row(kernels, RAPT_F32, row + j * stride, stride, count, some);
    kernels->weigh(count, problem->to_exponent, maximum, factor, some);
    rapt_write_row(kernels, some, count, RAPT_F32, row + j * stride, stride);
  }
}

void rapt_sdpa_finish_weights(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                              const rapt_sdpa_queries *queries, const float *maximum, const float *factor) {
  for (int64_t r = 0; r < queries->count; r++) {
    finish_row(kernels, problem, maximum[r], factor[r], rapt_sdpa_row_of(&problem->call.weights, queries, r));
  }
}
