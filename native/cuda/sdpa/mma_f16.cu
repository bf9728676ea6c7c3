// SPDX-License-Identifier: Apache-2.0
#include "cuda/sdpa/mma_launch.h"

kernels::mma_shape kernels::mma_shape_f16(const mma_choice &choice) { return mma_shape_of<gpu::f16>(choice); }

int kernels::prepare_mma_f16(int64_t shared) { return prepare_mma<gpu::f16>(shared); }

int kernels::launch_mma_f16(const mma_choice &choice, int64_t blocks, const sdpa_parameters &a, gpu_stream stream) {
  return launch_mma<gpu::f16>(choice, blocks, a, stream);
}
