// SPDX-License-Identifier: Apache-2.0
// Tensors as kernels take them, and access to elements of a dtype that is known at run time only: all threads take the
// same branch.
#ifndef RAPT_CUDA_GPU_TENSOR_H
#define RAPT_CUDA_GPU_TENSOR_H

#include "cuda/gpu/gpu.h"
#include "rapt/base.h"

namespace kernels {

struct tensor {
  // NULL where it is absent, or has no element.
  void *data;
  int64_t stride[4];
  int32_t dtype;
};

// Converts a call's tensor for a launch.
inline tensor tensor_of(const rapt_tensor &t) {
  if (t.dtype == 0) return {};
  return {t.data, {t.stride[0], t.stride[1], t.stride[2], t.stride[3]}, t.dtype};
}

GPU_FUNCTION bool is_present(const tensor &t) { return t.data != nullptr; }

GPU_FUNCTION float element(const tensor &t, int64_t index) {
  if (t.dtype == RAPT_F32) return static_cast<const float *>(t.data)[index];
  if (t.dtype == RAPT_F16) return gpu::to_float(static_cast<const gpu::f16 *>(t.data)[index]);
  return gpu::to_float(static_cast<const gpu::bf16 *>(t.data)[index]);
}

GPU_FUNCTION void set_element(const tensor &t, int64_t index, float x) {
  if (t.dtype == RAPT_F32) {
    static_cast<float *>(t.data)[index] = x;
  } else if (t.dtype == RAPT_F16) {
    gpu::from_float(x, static_cast<gpu::f16 *>(t.data) + index);
  } else {
    gpu::from_float(x, static_cast<gpu::bf16 *>(t.data) + index);
  }
}

// An element of an index tensor, i32 or i64.
GPU_FUNCTION int64_t index_at(const tensor &t, int64_t at) {
  if (t.dtype == RAPT_I32) return static_cast<const int32_t *>(t.data)[at];
  return static_cast<const int64_t *>(t.data)[at];
}

GPU_FUNCTION bool flag(const tensor &t, int64_t index) {
  return static_cast<const unsigned char *>(t.data)[index] != 0;
}

GPU_FUNCTION int64_t offset2(const tensor &t, int64_t i, int64_t j) { return i * t.stride[0] + j * t.stride[1]; }

GPU_FUNCTION int64_t offset3(const tensor &t, int64_t i, int64_t j, int64_t k) {
  return offset2(t, i, j) + k * t.stride[2];
}

}  // namespace kernels

#endif
