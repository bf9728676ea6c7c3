// SPDX-License-Identifier: Apache-2.0
#include "cuda/sdpa/mma_launch.h"

kernels::sdpa_shape kernels::mma_shape_f16(int32_t kernel) { return mma_entry_at<gpu::f16>(kernel).shape; }

int kernels::prepare_mma_f16(int64_t shared) { return prepare_mma<gpu::f16>(shared); }

int kernels::launch_mma_f16(int32_t kernel, int64_t blocks, const sdpa_parameters &a, gpu_stream stream) {
  return launch_mma<gpu::f16>(kernel, blocks, a, stream);
}
