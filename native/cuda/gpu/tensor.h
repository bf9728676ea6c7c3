// SPDX-License-Identifier: Apache-2.0
// Elements of tensors whose type is known at run time. The branch is the same for all threads.
#ifndef RAPT_CUDA_GPU_TENSOR_H
#define RAPT_CUDA_GPU_TENSOR_H

#include "cuda/gpu/gpu.h"
#include "rapt/rapt.h"

namespace kernels {

GPU_FUNCTION float element(const rapt_tensor &t, int64_t index) {
  if (t.dtype == RAPT_F32) return static_cast<const float *>(t.data)[index];
  if (t.dtype == RAPT_F16) return gpu::to_float(static_cast<const gpu::f16 *>(t.data)[index]);
  return gpu::to_float(static_cast<const gpu::bf16 *>(t.data)[index]);
}

GPU_FUNCTION void set_element(const rapt_tensor &t, int64_t index, float x) {
  if (t.dtype == RAPT_F32) {
    static_cast<float *>(t.data)[index] = x;
  } else if (t.dtype == RAPT_F16) {
    gpu::from_float(x, static_cast<gpu::f16 *>(t.data) + index);
  } else {
    gpu::from_float(x, static_cast<gpu::bf16 *>(t.data) + index);
  }
}

GPU_FUNCTION bool flag(const rapt_tensor &t, int64_t index) {
  return static_cast<const unsigned char *>(t.data)[index] != 0;
}

GPU_FUNCTION int64_t offset2(const rapt_tensor &t, int64_t i, int64_t j) { return i * t.stride[0] + j * t.stride[1]; }

GPU_FUNCTION int64_t offset3(const rapt_tensor &t, int64_t i, int64_t j, int64_t k) {
  return offset2(t, i, j) + k * t.stride[2];
}

}  // namespace kernels

#endif
