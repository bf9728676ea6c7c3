// SPDX-License-Identifier: Apache-2.0
#include "cuda/linear/family.h"
#include "cuda/linear/linear.h"
#include "cuda/linear/mma.h"
#include "cuda/linear/simt.h"

namespace {

template <typename T>
int prepare_mma(const rapt_cuda_properties &device) {
  int64_t shared = sizeof(kernels::linear_mma_memory<T>);
  return shared > device.shared_per_block_optin ? 0 : gpu::prepare(kernels::linear_mma<T>, shared);
}

template <typename T>
int launch_mma(const kernels::linear_parameters &a, int64_t blocks, gpu_stream stream) {
  return gpu::launch(kernels::linear_mma<T>, blocks, kernels::linear_mma_tiles::threads,
                     static_cast<int64_t>(sizeof(kernels::linear_mma_memory<T>)), stream, a);
}

}  // namespace

int rapt_cuda_prepare_linear(const rapt_cuda_properties &device) {
  int error = gpu::prepare(kernels::linear_simt, static_cast<int64_t>(sizeof(kernels::linear_simt_tiles::memory)));
  if (error == 0) error = prepare_mma<gpu::f16>(device);
  return error != 0 ? error : prepare_mma<gpu::bf16>(device);
}

int rapt_cuda_launch_linear(const rapt_cuda_linear &plan, const rapt_cuda_product &product, void *, gpu_stream stream) {
  if (plan.family == RAPT_CUDA_LINEAR_EMPTY) return 0;
  kernels::linear_parameters a = {};
  a.product = product;
  a.weight.data = const_cast<void *>(product.weight);
  a.weight.dtype = product.weight_dtype;
  a.weight.stride[0] = product.in_features;
  a.weight.stride[1] = 1;
  a.row_tiles = (product.batch * product.rows + plan.row_tile - 1) / plan.row_tile;
  a.column_tiles = (product.out_features + plan.column_tile - 1) / plan.column_tile;
  int64_t items = a.row_tiles * a.column_tiles, blocks = items < gpu::most_blocks ? items : gpu::most_blocks;
  if (plan.family == RAPT_CUDA_LINEAR_MMA) {
    return product.weight_dtype == RAPT_F16 ? launch_mma<gpu::f16>(a, blocks, stream)
                                            : launch_mma<gpu::bf16>(a, blocks, stream);
  }
  using tiles = kernels::linear_simt_tiles;
  return gpu::launch(kernels::linear_simt, blocks, tiles::threads, static_cast<int64_t>(sizeof(tiles::memory)), stream,
                     a);
}
