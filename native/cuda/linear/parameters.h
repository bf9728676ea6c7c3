// SPDX-License-Identifier: Apache-2.0
// What a projection kernel is given, and where its rows begin and end.
#ifndef RAPT_CUDA_LINEAR_PARAMETERS_H
#define RAPT_CUDA_LINEAR_PARAMETERS_H

#include "cuda/gpu/tensor.h"
#include "cuda/linear/linear.h"

namespace kernels {

struct linear_parameters {
  rapt_cuda_product product;
  // The weight, as a tensor of (out_features, in_features).
  rapt_tensor weight;
  int64_t row_tiles;
  int64_t column_tiles;
};

// Rows of all batch entries, numbered through.
GPU_FUNCTION int64_t row_offset(const rapt_tensor &t, int64_t rows, int64_t row) {
  return offset2(t, row / rows, row % rows);
}

GPU_FUNCTION void write_feature(const rapt_cuda_product &p, int64_t at, int64_t column, float x) {
  set_element(p.output, at + column * p.output.stride[2], p.bias == nullptr ? x : x + p.bias[column]);
}

}  // namespace kernels

#endif
