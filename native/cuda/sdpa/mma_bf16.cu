// SPDX-License-Identifier: Apache-2.0
#include "cuda/sdpa/mma_launch.h"

kernels::sdpa_shape kernels::mma_shape_bf16(int32_t kernel) { return mma_entry_at<gpu::bf16>(kernel).shape; }

int kernels::prepare_mma_bf16(int64_t shared) { return prepare_mma<gpu::bf16>(shared); }

int kernels::launch_mma_bf16(int32_t kernel, int64_t blocks, const sdpa_parameters &a, gpu_stream stream) {
  return launch_mma<gpu::bf16>(kernel, blocks, a, stream);
}
