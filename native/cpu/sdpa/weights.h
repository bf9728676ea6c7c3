// SPDX-License-Identifier: Apache-2.0
// The weights output: the scores of every key, at the stage that the call names.
#ifndef RAPT_CPU_SDPA_WEIGHTS_H
#define RAPT_CPU_SDPA_WEIGHTS_H

#include "cpu/sdpa/queries.h"

// Whether the weights output receives scores of this stage. At RAPT_WEIGHTS_SOFTMAX it holds the scores of the stage
// before until they are finished.
static inline int rapt_sdpa_shows(const rapt_sdpa_problem *problem, int32_t stage) {
  return rapt_is_present(&problem->call.weights) && problem->call.options.weights_stage == stage;
}

// Whether its rows are staged in scratch, because they cannot be written in place.
static inline int rapt_sdpa_stages_weights(const rapt_sdpa_problem *problem) {
  const rapt_tensor *w = &problem->call.weights;
  return rapt_is_present(w) && !rapt_is_plain(w->dtype, w->stride[3]);
}

// Whether the rows stay there, with all their keys, until their maximum and sum are known. A weight is then rounded to
// the output's dtype once, and not made from a rounded score.
static inline int rapt_sdpa_keeps_weights(const rapt_sdpa_problem *problem) {
  return rapt_sdpa_shows(problem, RAPT_WEIGHTS_SOFTMAX) && rapt_sdpa_stages_weights(problem);
}

// Writes scores[key][lane] of keys j .. j + keys to the weights output. Where rapt_sdpa_stages_weights, staged has room
// for them; where rapt_sdpa_keeps_weights, staged has room for all keys of every lane in use and is written instead.
void rapt_sdpa_write_weights(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                             const rapt_sdpa_queries *queries, int64_t j, int64_t keys, const float *scores,
                             float *staged);

// Turns the scores that were written into the softmax's weights, by each lane's maximum and factor. staged holds the
// scores where rapt_sdpa_keeps_weights.
void rapt_sdpa_finish_weights(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                              const rapt_sdpa_queries *queries, const float *maximum, const float *factor,
                              float *staged);

// Writes what the weights output has for keys that the sample lacks.
void rapt_sdpa_fill_missing_weights(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                                    const rapt_sdpa_queries *queries);

#endif
