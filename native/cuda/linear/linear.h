// SPDX-License-Identifier: Apache-2.0
// Linear projections on a CUDA device, output = input . weight^T + bias: the weights, a pure plan, and the launch.
#ifndef RAPT_CUDA_LINEAR_LINEAR_H
#define RAPT_CUDA_LINEAR_LINEAR_H

#include "cuda/gpu/stream.h"
#include "cuda/runtime/driver.h"
#include "cuda/runtime/names.h"
#include "cuda/runtime/properties.h"
#include "cuda/runtime/verdict.h"
#include "ops/linear/problem.h"

// Weights on the device: a contiguous copy, and an f32 one of the bias.
struct rapt_cuda_linear_weights {
  rapt_linear_weights head;
  int ordinal;
  driver_context native;
  int32_t dtype;
  // (out_features, in_features), and (out_features) or NULL, which lies behind it in the same allocation.
  void *weight;
  float *bias;
};

inline const rapt_cuda_linear_weights &rapt_cuda_weights_of(const rapt_product &product) {
  return *reinterpret_cast<const rapt_cuda_linear_weights *>(product.weights);
}

// The kernels, the best first.
enum rapt_cuda_linear_kernel : int32_t {
  // Tensor cores: input and weight both f16 or both bf16, their rows contiguous and aligned to 16 bytes.
  RAPT_CUDA_LINEAR_MMA,
  // f32 arithmetic on plain cores: any types and strides.
  RAPT_CUDA_LINEAR_SIMT,
  RAPT_CUDA_LINEAR_KERNELS
};

struct rapt_cuda_linear_shape {
  // Rows and output features of a block.
  int64_t rows;
  int64_t columns;
  // Bytes of shared memory per block.
  int64_t shared;
};

struct rapt_cuda_linear {
  int32_t kernel;
  int64_t row_tiles;
  int64_t column_tiles;
};

// Plan names, "linear_f16_cuda_mma": dtype of input and weight ("mixed" where they differ), kernel. They have no tail.
extern const rapt_cuda_names rapt_cuda_linear_names;
int rapt_cuda_linear_stem(const rapt_product &product, int32_t kernel);

// The kernels as the self-check numbers them: that of tensor cores for each type.
constexpr int rapt_cuda_linear_numbered = RAPT_CUDA_LINEAR_KERNELS + 1;
inline int rapt_cuda_linear_number(int32_t kernel, int32_t weight_dtype) {
  return kernel == RAPT_CUDA_LINEAR_MMA && weight_dtype == RAPT_BF16 ? RAPT_CUDA_LINEAR_KERNELS : kernel;
}

// The kernels that take a product, the best first. Pure; uses addresses for their alignment only.
struct rapt_cuda_linear_candidates {
  static constexpr int family = RAPT_CUDA_FAMILY_LINEAR;
  const rapt_product &product;
  int count;
  int32_t kernels[RAPT_CUDA_LINEAR_KERNELS];

  rapt_cuda_linear_candidates(const rapt_cuda_properties &device, const rapt_product &product);
  int stem(int candidate) const { return rapt_cuda_linear_stem(product, kernels[candidate]); }
  int kernel(int candidate) const {
    return rapt_cuda_linear_number(kernels[candidate], rapt_cuda_weights_of(product).dtype);
  }
  void name(int candidate, char *out, size_t size) const { rapt_cuda_linear_names.stem(stem(candidate), out, size); }
};

// Fills *plan: how the kernel divides the product into blocks. Returns false where sizes overflow. Needs no scratch.
bool rapt_cuda_plan_linear(const rapt_product &product, int32_t kernel, rapt_cuda_linear *plan);

rapt_cuda_linear_shape rapt_cuda_linear_shape_of(int32_t kernel);

// Loads every kernel into the current context, so that no launch has to. Returns a cudaError_t.
int rapt_cuda_prepare_linear(const rapt_cuda_properties &device);

// Enqueues the plan's kernel. Allocates nothing and waits for nothing. Returns a cudaError_t.
int rapt_cuda_launch_linear(const rapt_cuda_linear &plan, const rapt_product &product, gpu_stream stream);

// The device's functions for weights; see rapt_device.
rapt_status rapt_cuda_check_weights(const rapt_context *context, const char *name, const rapt_linear_weights *weights,
                                    rapt_error *error);
rapt_status rapt_cuda_weights_create(rapt_context *context, const rapt_linear_parameters *parameters,
                                     rapt_linear_weights **out, rapt_error *error);
void rapt_cuda_weights_destroy(rapt_linear_weights *weights);

#endif
