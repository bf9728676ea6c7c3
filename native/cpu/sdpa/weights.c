// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/weights.h"

#include "base/arithmetic.h"
#include "cpu/engine/rows.h"

void rapt_sdpa_write_weights(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                             const rapt_sdpa_queries *queries, int64_t j, int64_t keys, const float *scores,
                             float *staged) {
  const rapt_tensor *w = &problem->call.weights;
  float *rows[RAPT_MAX_PANEL_WIDTH] = {0};
  int direct = !rapt_sdpa_stages_weights(problem), kept = rapt_sdpa_keeps_weights(problem);
  for (int64_t r = 0; r < queries->count; r++) {
    if (direct) {
      rows[r] = (float *)rapt_sdpa_row_of(w, queries, r) + j;
    } else {
      rows[r] = kept ? staged + r * problem->call.kv_len + j : staged + r * keys;
    }
  }
  kernels->unpack(scores, queries->count, keys, queries->width, NULL, rows);
  if (direct || kept) return;
  int64_t before = j * w->stride[3] * rapt_element_size(w->dtype);
  for (int64_t r = 0; r < queries->count; r++) {
    unsigned char *to = rapt_sdpa_row_of(w, queries, r);
    rapt_write_row(kernels, rows[r], keys, w->dtype, to + before, w->stride[3]);
  }
}

void rapt_sdpa_finish_weights(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                              const rapt_sdpa_queries *queries, const float *maximum, const float *factor,
                              float *staged) {
  const rapt_tensor *w = &problem->call.weights;
  int64_t keys = problem->call.kv_len;
  int kept = rapt_sdpa_keeps_weights(problem);
  for (int64_t r = 0; r < queries->count && keys > 0; r++) {
    void *to = rapt_sdpa_row_of(w, queries, r);
    float *row = kept ? staged + r * keys : to;
    kernels->weigh(keys, problem->to_exponent, maximum[r], factor[r], row);
    if (kept) rapt_write_row(kernels, row, keys, w->dtype, to, w->stride[3]);
  }
}

void rapt_sdpa_fill_missing_weights(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                                    const rapt_sdpa_queries *queries) {
  enum { SOME = 64 };
  float fill[SOME];
  const rapt_tensor *w = &problem->call.weights;
  int64_t size = rapt_element_size(w->dtype), first = problem->call.kv_len, missing = problem->missing_keys;
  for (int i = 0; i < SOME; i++) fill[i] = rapt_sdpa_shows(problem, RAPT_WEIGHTS_SOFTMAX) ? 0 : -INFINITY;
  for (int64_t r = 0; r < queries->count; r++) {
    unsigned char *row = rapt_sdpa_row_of(w, queries, r);
    for (int64_t done = 0; done < missing; done += SOME) {
      unsigned char *to = row + (first + done) * w->stride[3] * size;
      rapt_write_row(kernels, fill, rapt_min(SOME, missing - done), w->dtype, to, w->stride[3]);
    }
  }
}
