// SPDX-License-Identifier: Apache-2.0
// The parameter of a projection kernel, and the offsets of its rows.
#ifndef RAPT_CUDA_LINEAR_PARAMETERS_H
#define RAPT_CUDA_LINEAR_PARAMETERS_H

#include "cuda/gpu/tensor.h"

namespace kernels {

struct linear_product {
  // (batch, rows, in_features) and (batch, rows, out_features), f32, f16 or bf16 each, by their strides.
  tensor input;
  tensor output;
  // (out_features, in_features), contiguous, f32, f16 or bf16.
  tensor weight;
  // (out_features), f32; NULL = none.
  const float *bias;
  int64_t batch;
  int64_t rows;
  int64_t in_features;
  int64_t out_features;
};

struct linear_parameters {
  linear_product product;
  int64_t row_tiles;
  int64_t column_tiles;
};

// The offset of a row, where rows of all batch entries are numbered consecutively.
GPU_FUNCTION int64_t row_offset(const tensor &t, int64_t rows, int64_t row) {
  return offset2(t, row / rows, row % rows);
}

GPU_FUNCTION void write_feature(const linear_product &p, int64_t at, int64_t column, float x) {
  set_element(p.output, at + column * p.output.stride[2], p.bias == nullptr ? x : x + p.bias[column]);
}

}  // namespace kernels

#endif
