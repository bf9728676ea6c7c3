// SPDX-License-Identifier: Apache-2.0
#include "cuda/sdpa/mma_launch.h"

kernels::mma_shape kernels::mma_shape_bf16(const mma_choice &choice) { return mma_shape_of<gpu::bf16>(choice); }

int kernels::prepare_mma_bf16(int64_t shared) { return prepare_mma<gpu::bf16>(shared); }

int kernels::launch_mma_bf16(const mma_choice &choice, int64_t blocks, const sdpa_parameters &a, gpu_stream stream) {
  return launch_mma<gpu::bf16>(choice, blocks, a, stream);
}
