// SPDX-License-Identifier: Apache-2.0
// Linear projections on the device: output = input . weight^T + bias.
#ifndef RAPT_CUDA_LINEAR_LINEAR_H
#define RAPT_CUDA_LINEAR_LINEAR_H

#include "cuda/gpu/stream.h"
#include "cuda/runtime/properties.h"
#include "rapt/rapt.h"

struct rapt_cuda_product {
  // (batch, rows, in_features) and (batch, rows, out_features), f32, f16 or bf16 each, by their strides.
  rapt_tensor input;
  rapt_tensor output;
  // (out_features, in_features), contiguous, f32, f16 or bf16, aligned to 256 bytes.
  const void *weight;
  int32_t weight_dtype;
  // (out_features), f32; NULL = none.
  const float *bias;
  int64_t batch;
  int64_t rows;
  int64_t in_features;
  int64_t out_features;
};

struct rapt_cuda_linear {
  // "linear_..."
  char name[96];
  // Why no kernel fits; empty where one does.
  char reason[256];
  // Bytes of device memory, aligned to 64.
  int64_t scratch;
  // Which kernel, and how it cuts the product: the planner's own.
  int family;
  int64_t row_tile;
  int64_t column_tile;
  int64_t splits;
};

// Chooses among the kernels whose plan's name begins with `prefix`; NULL is any. Returns 0 where none fits.
int rapt_cuda_plan_linear(const rapt_cuda_properties &device, const rapt_cuda_product &product, const char *prefix,
                          rapt_cuda_linear *plan);

// Loads every kernel onto the current device, so that no launch has to. Returns a cudaError_t.
int rapt_cuda_prepare_linear(const rapt_cuda_properties &device);

// Enqueues the plan's kernels. Allocates nothing and waits for nothing. Returns a cudaError_t.
int rapt_cuda_launch_linear(const rapt_cuda_linear &plan, const rapt_cuda_product &product, void *scratch,
                            gpu_stream stream);

#endif
