// SPDX-License-Identifier: Apache-2.0
// The values of rapt_cuda_linear.family.
#ifndef RAPT_CUDA_LINEAR_FAMILY_H
#define RAPT_CUDA_LINEAR_FAMILY_H

enum rapt_cuda_linear_family {
  RAPT_CUDA_LINEAR_NONE,
  // No rows.
  RAPT_CUDA_LINEAR_EMPTY,
  // f32 arithmetic on plain cores: any types and strides.
  RAPT_CUDA_LINEAR_SIMT,
  // Tensor cores: input and weight both f16 or both bf16, their rows contiguous and aligned to 16 bytes.
  RAPT_CUDA_LINEAR_MMA
};

#endif
