// SPDX-License-Identifier: Apache-2.0
// The parameter of an attention kernel: the problem, and how it is divided into work items.
//
// Work items, in this order: value chunk (fastest), split, tile of query rows (last rows first: under causality they
// see the most keys), unit = (batch, kv head). Rows of a unit are query-major, as in cpu/sdpa/sdpa.h. A launch has the
// units of some samples.
#ifndef RAPT_CUDA_SDPA_PARAMETERS_H
#define RAPT_CUDA_SDPA_PARAMETERS_H

#include "cuda/gpu/tensor.h"

namespace kernels {

// The fields of rapt_sdpa_options that kernels need; scales are in sdpa_problem.
struct sdpa_options {
  int64_t position;
  int64_t window_left;
  int64_t window_right;
  float softcap;
  int32_t flags;
  int32_t weights_stage;
};

// The fields of rapt_sdpa that kernels need.
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

// The fields of rapt_sdpa_problem that kernels need; problem.h explains them.
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
  // Where scores for the weights output are written: the output itself or, for 16-bit weights after the softmax, f32
  // scratch, so that weights are rounded once.
  tensor shown;
};

struct sdpa_parameters {
  sdpa_problem problem;
  int64_t first_unit;
  int64_t units;
  // Query rows of a tile, and tiles of a unit.
  int64_t tile_rows;
  int64_t row_tiles;
  int64_t value_chunks;
  // The most splits of a tile, and the keys of one, a multiple of the key tile; chunk.h says which.
  int64_t splits;
  int64_t chunk;
  int64_t items;
  // Warps that merge a row.
  int32_t row_warps;
  // Whether scores take more than causality and window: scale, softcap, masks, biases, a weights output, appended keys.
  int32_t special;
  // With splits > 1, of this launch's units: [unit][row][split], and the unnormalised output
  // [unit][row][split][value_dim].
  float *partial_maximum;
  float *partial_sum;
  float *partial_output;
  // Where there may be several stretches (total.h): room for the totals of each block of the launch.
  double *totals;
};

}  // namespace kernels

#endif
