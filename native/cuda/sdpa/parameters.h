// SPDX-License-Identifier: Apache-2.0
// What an attention kernel is given: the problem, and how it is cut into work.
//
// Work items, in this order: value chunk (fastest), split, tile of query rows (last rows first: under causality they
// see the most keys), unit = (batch, kv head). Rows of a unit are query-major, as in core/attention.h.
#ifndef RAPT_CUDA_SDPA_PARAMETERS_H
#define RAPT_CUDA_SDPA_PARAMETERS_H

#include "ops/sdpa/problem.h"

namespace kernels {

// No more than that, so that merging them stays short.
constexpr int most_splits = 64;

struct sdpa_parameters {
  rapt_sdpa_problem problem;
  int64_t row_tiles;
  int64_t value_chunks;
  int64_t splits;
  // Keys per split: a multiple of every key tile.
  int64_t chunk;
  int64_t items;
  // Whether scores take more than causality and window: scale, softcap, masks, biases, a weights output, appended keys.
  int32_t special;
  // With splits > 1, unnormalised: [unit][row][split], and [unit][row][split][value_dim].
  float *partial_maximum;
  float *partial_sum;
  float *partial_output;
};

}  // namespace kernels

#endif
