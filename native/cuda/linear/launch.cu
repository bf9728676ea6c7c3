// SPDX-License-Identifier: Apache-2.0
#include "cuda/linear/linear.h"
#include "cuda/linear/mma.h"
#include "cuda/linear/simt.h"

namespace {

using kernels::linear_mma_memory;
using mma = kernels::linear_mma_tiles;
using simt = kernels::linear_simt_tiles;

// The same for both 16-bit types.
constexpr int64_t mma_shared = sizeof(linear_mma_memory<gpu::f16>);
constexpr int64_t simt_shared = sizeof(simt::memory);
static_assert(mma_shared == sizeof(linear_mma_memory<gpu::bf16>), "numbers of 16 bits");

}  // namespace

rapt_cuda_linear_shape rapt_cuda_linear_shape_of(int32_t kernel) {
  if (kernel == RAPT_CUDA_LINEAR_MMA) return {mma::rows, mma::columns, mma_shared};
  return {simt::rows, simt::columns, simt_shared};
}

int rapt_cuda_prepare_linear(const rapt_cuda_properties &device) {
  int error = gpu::prepare(kernels::linear_simt, simt_shared);
  if (error != 0 || mma_shared > device.shared_per_block_optin) return error;
  error = gpu::prepare(kernels::linear_mma<gpu::f16>, mma_shared);
  return error != 0 ? error : gpu::prepare(kernels::linear_mma<gpu::bf16>, mma_shared);
}

int rapt_cuda_launch_linear(const rapt_cuda_linear &plan, const rapt_product &product, gpu_stream stream) {
  const rapt_cuda_linear_weights &weights = rapt_cuda_weights_of(product);
  kernels::linear_parameters a = {};
  kernels::linear_product &p = a.product;
  p.input = kernels::tensor_of(product.input);
  p.output = kernels::tensor_of(product.output);
  p.weight = {weights.weight, {weights.head.in_features, 1, 0, 0}, weights.dtype};
  p.bias = weights.bias;
  p.batch = product.batch;
  p.rows = product.rows;
  p.in_features = weights.head.in_features;
  p.out_features = weights.head.out_features;
  a.row_tiles = plan.row_tiles;
  a.column_tiles = plan.column_tiles;
  int64_t items = a.row_tiles * a.column_tiles, blocks = items < gpu::most_blocks ? items : gpu::most_blocks;
  if (plan.kernel == RAPT_CUDA_LINEAR_SIMT) {
    return gpu::launch(kernels::linear_simt, blocks, simt::threads, simt_shared, stream, a);
  }
  return weights.dtype == RAPT_F16
             ? gpu::launch(kernels::linear_mma<gpu::f16>, blocks, mma::threads, mma_shared, stream, a)
             : gpu::launch(kernels::linear_mma<gpu::bf16>, blocks, mma::threads, mma_shared, stream, a);
}
