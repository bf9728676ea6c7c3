// SPDX-License-Identifier: Apache-2.0
// Small kernels around the others: copies between strided layouts and dtypes, and means over heads.
#ifndef RAPT_CUDA_RUNTIME_ROWS_H
#define RAPT_CUDA_RUNTIME_ROWS_H

#include <stdint.h>

#include "cuda/gpu/stream.h"
#include "rapt/rapt.h"

// Loads the kernels below into the current context. Returns a cudaError_t.
int rapt_cuda_prepare_rows();

// Copies (rows, columns) of from to (rows, columns) of to, each of its own dtype and by its stride[0] and stride[1]; an
// absent `from` is zeros. Returns a cudaError_t.
int rapt_cuda_copy_rows(const rapt_tensor &from, const rapt_tensor &to, int64_t rows, int64_t columns,
                        gpu_stream stream);

// Takes the mean over heads of weights (heads, head_rows, keys), contiguous f32, of which the first `rows` rows of each
// head count, and writes it to (rows, keys) of to, by stride[0] and stride[1]. Returns a cudaError_t.
struct rapt_cuda_mean {
  const float *from;
  rapt_tensor to;
  int64_t heads;
  int64_t head_rows;
  int64_t rows;
  int64_t keys;
};
int rapt_cuda_mean_over_heads(const rapt_cuda_mean &mean, gpu_stream stream);

#endif
