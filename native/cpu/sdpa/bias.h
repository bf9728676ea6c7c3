// SPDX-License-Identifier: Apache-2.0
// What is added to a score: ALiBi and the bias. Masks and padding are part of the bias, as -inf. Other additions,
// relative positions for instance, belong here.
#ifndef RAPT_CPU_SDPA_BIAS_H
#define RAPT_CPU_SDPA_BIAS_H

#include "cpu/sdpa/queries.h"

static inline int rapt_sdpa_has_alibi(const rapt_sdpa_problem *problem) {
  return rapt_is_present(&problem->call.alibi_slopes);
}

// Whether there is a bias, a mask or padding.
static inline int rapt_sdpa_has_bias(const rapt_sdpa_problem *problem) {
  return rapt_is_present(&problem->call.mask) || rapt_is_present(&problem->call.bias) ||
         rapt_is_present(&problem->key_padding);
}

// Whether rows of the bias have to be staged in scratch, because they cannot be read in place.
int rapt_sdpa_stages_bias(const rapt_sdpa_problem *problem);

// Scratch for a panel of scores: the bias as [key][lane], with RAPT_PACK_SLACK floats behind it, and staged rows of the
// bias and of the weights output.
typedef struct rapt_sdpa_bias_scratch {
  float *panel;
  float *rows;
  float *weights;
} rapt_sdpa_bias_scratch;

// Adds to scores[key][lane] of keys j .. j + covered, covered > 0.
void rapt_sdpa_add_bias(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, const rapt_sdpa_queries *queries,
                        int64_t j, int64_t covered, const rapt_sdpa_bias_scratch *scratch, float *scores);
void rapt_sdpa_subtract_alibi(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                              const rapt_sdpa_queries *queries, int64_t j, int64_t covered, float *scores);

// The same for the scores of lane r alone; staged has room for `covered` floats.
void rapt_sdpa_add_bias_to_row(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                               const rapt_sdpa_queries *queries, int64_t r, int64_t j, int64_t covered, float *staged,
                               float *row);
void rapt_sdpa_subtract_alibi_from_row(const rapt_sdpa_problem *problem, const rapt_sdpa_queries *queries, int64_t r,
                                       int64_t j, int64_t covered, float *row);

#endif
