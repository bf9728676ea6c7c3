// SPDX-License-Identifier: Apache-2.0
// What plan and launch know of the tensor-core kernels, which are compiled by type in files of their own.
#ifndef RAPT_CUDA_SDPA_KERNELS_H
#define RAPT_CUDA_SDPA_KERNELS_H

#include <stdint.h>

#include "cuda/gpu/stream.h"
#include "cuda/sdpa/parameters.h"

namespace kernels {

struct mma_choice {
  // 64, 128 or 256.
  int32_t bucket;
  int32_t decode;
  // As in sdpa_parameters.
  int32_t special;
  // Whether a multiprocessor has too little shared memory for two blocks of the largest tiles.
  int32_t narrow;
};

struct mma_shape {
  // Query rows per block.
  int64_t rows;
  // Bytes of shared memory per block.
  int64_t shared;
};

mma_shape mma_shape_f16(const mma_choice &choice);
mma_shape mma_shape_bf16(const mma_choice &choice);
// All of them that fit a block of `shared` bytes.
int prepare_mma_f16(int64_t shared);
int prepare_mma_bf16(int64_t shared);
int launch_mma_f16(const mma_choice &choice, int64_t blocks, const sdpa_parameters &a, gpu_stream stream);
int launch_mma_bf16(const mma_choice &choice, int64_t blocks, const sdpa_parameters &a, gpu_stream stream);

}  // namespace kernels

#endif
