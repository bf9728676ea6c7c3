// SPDX-License-Identifier: Apache-2.0
// The samples of a batch whose sizes stand in tensors: what each is, whether that is allowed, and the problem that it
// is by itself.
#ifndef RAPT_OPS_SDPA_SAMPLES_H
#define RAPT_OPS_SDPA_SAMPLES_H

#include "base/arithmetic.h"
#include "ops/sdpa/problem.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rapt_sdpa_sample {
  // Where query and key are ragged: the tokens at which it begins; else 0.
  int64_t first_query;
  int64_t first_key;
  int64_t queries;
  int64_t keys;
  // Of its query 0 among its keys.
  int64_t position;
} rapt_sdpa_sample;

// Sample b, as its tensors say now, made to fit: another thread may have changed them since they were checked.
rapt_sdpa_sample rapt_sdpa_sample_at(const rapt_sdpa *call, int64_t b);

// Checks what these tensors say, in host memory, before anything is written.
rapt_status rapt_sdpa_check_samples(const rapt_sdpa *call, rapt_error *error);

// The problem of sample b alone: a batch of one, with its own sizes and its position as an option. Paged keys stay so,
// with the sample's row of the page table.
void rapt_sdpa_take_sample(const rapt_sdpa_problem *batch, int64_t b, const rapt_sdpa_sample *sample,
                           rapt_sdpa_problem *alone);

// Entry n of a sample's row of the page table, made to fit.
static inline int64_t rapt_sdpa_page(const rapt_tensor *table, int64_t pages, int64_t n) {
  return rapt_clamp(rapt_index_at(table, 0, n), 0, pages - 1);
}

#ifdef __cplusplus
}
#endif

#endif
