// SPDX-License-Identifier: Apache-2.0
// f16 and bf16 as storage. gpu.h has their conversions: arithmetic is f32.
#ifndef RAPT_CUDA_GPU_NUMBER_H
#define RAPT_CUDA_GPU_NUMBER_H

#include <stdint.h>

namespace gpu {

struct f16 {
  uint16_t bits;
};

struct bf16 {
  uint16_t bits;
};

}  // namespace gpu

#endif
