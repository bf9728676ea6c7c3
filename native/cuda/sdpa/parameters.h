// SPDX-License-Identifier: Apache-2.0
// What an attention kernel is given: the problem, and how it is cut into work.
//
// Work items, in this order: value chunk (fastest), split, tile of query rows (last rows first: under causality they
// see the most keys), unit = (batch, kv head). Rows of a unit are query-major, as in cpu/sdpa/sdpa.h.
#ifndef RAPT_CUDA_SDPA_PARAMETERS_H
#define RAPT_CUDA_SDPA_PARAMETERS_H

#include "cuda/gpu/tensor.h"

namespace kernels {

// Of rapt_sdpa_options, what kernels look at: scales are derived.
struct sdpa_options {
  int64_t position;
  int64_t window_left;
  int64_t window_right;
  float softcap;
  int32_t flags;
  int32_t weights_stage;
};

// Of rapt_sdpa.
struct sdpa_call {
  tensor query;
  tensor key;
  tensor key_scale;
  tensor value;
  tensor value_scale;
  tensor output;
  tensor mask;
  tensor bias;
  tensor alibi_slopes;
  tensor sinks;
  tensor lse;
  tensor weights;
  tensor positions;
  int64_t batch;
  int64_t kv_heads;
  int64_t kv_len;
  int64_t head_dim;
  int64_t value_dim;
  int64_t key_scale_groups;
  int64_t value_scale_groups;
  sdpa_options options;
};

// Of rapt_sdpa_problem, where the fields are explained.
struct sdpa_problem {
  sdpa_call call;
  int64_t appended_keys;
  tensor key_padding;
  int64_t group;
  int64_t rows;
  int64_t first_query;
  float score_scale;
  float softmax_scale;
  float to_exponent;
  // Where scores are put for the weights output: there, or in scratch, as f32, where the softmax makes 16-bit weights
  // of them, which are then rounded once.
  tensor shown;
};

struct sdpa_parameters {
  sdpa_problem problem;
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
