// SPDX-License-Identifier: Apache-2.0
// Strided tensors in exactly the memory they name, so that an AddressSanitizer sees a step outside.
#ifndef RAPT_TESTS_CUDA_TENSORS_H
#define RAPT_TESTS_CUDA_TENSORS_H

#include <stdint.h>
#include <string.h>

#include <array>
#include <memory>

#include "base/dtype.h"
#include "emulated/number.h"

using sizes = std::array<int64_t, 4>;

// Half the distance between neighbouring numbers, relative.
inline double rounding_of(int32_t dtype) { return dtype == RAPT_F32 ? 0x1p-24 : dtype == RAPT_F16 ? 0x1p-11 : 0x1p-8; }

inline float rounded_to(int32_t dtype, float x) {
  if (dtype == RAPT_F16) {
    gpu::f16 y;
    gpu::from_float(x, &y);
    return gpu::to_float(y);
  }
  if (dtype == RAPT_BF16) {
    gpu::bf16 y;
    gpu::from_float(x, &y);
    return gpu::to_float(y);
  }
  return x;
}

// Whether a 16-bit number is what some number within the bound rounds to: rounding keeps their order.
inline bool rounds_to(int32_t dtype, double got, double exact, double bound) {
  return static_cast<double>(rounded_to(dtype, static_cast<float>(exact - bound))) <= got &&
         got <= static_cast<double>(rounded_to(dtype, static_cast<float>(exact + bound)));
}

class tensor {
 public:
  // `order` lists the dimensions from the outermost in memory to the innermost; `gap` elements follow every row of the
  // innermost one; bit d of `broadcast` gives dimension d stride 0. Filled with 0xFF: NaN in every float type.
  void place(int32_t dtype, sizes size, std::array<int, 4> order = {0, 1, 2, 3}, int64_t gap = 0, int broadcast = 0) {
    size_ = size;
    view_ = {};
    view_.dtype = dtype;
    int64_t step = 1;
    bool innermost = true;
    for (int i = 3; i >= 0; i--) {
      int d = order[static_cast<size_t>(i)];
      if ((broadcast >> d & 1) != 0) continue;
      view_.stride[d] = step;
      step *= size[static_cast<size_t>(d)];
      if (innermost) step += gap;
      innermost = false;
    }
    // The last gap is not part of the memory.
    count_ = 1;
    for (size_t d = 0; d < 4; d++) {
      if (size[d] == 0) count_ = 0;
    }
    for (size_t d = 0; d < 4 && count_ > 0; d++) count_ += (size[d] - 1) * view_.stride[d];
    size_t bytes = static_cast<size_t>(count_ * rapt_element_size(dtype));
    void *memory = nullptr;
    if (posix_memalign(&memory, 64, bytes > 0 ? bytes : 1) != 0) abort();
    memset(memory, 0xff, bytes);
    memory_.reset(static_cast<unsigned char *>(memory), free);
    view_.data = memory;
  }

  bool present() const { return view_.dtype != 0; }
  const rapt_tensor &view() const { return view_; }
  const sizes &size() const { return size_; }
  int64_t count() const { return count_; }

  int64_t index(int64_t i, int64_t j = 0, int64_t k = 0, int64_t l = 0) const {
    return i * view_.stride[0] + j * view_.stride[1] + k * view_.stride[2] + l * view_.stride[3];
  }

  float get(int64_t index) const {
    if (view_.dtype == RAPT_F32) return at<float>(index);
    if (view_.dtype == RAPT_F16) return gpu::to_float(at<gpu::f16>(index));
    if (view_.dtype == RAPT_BF16) return gpu::to_float(at<gpu::bf16>(index));
    if (view_.dtype == RAPT_I8) return at<int8_t>(index);
    return at<unsigned char>(index);
  }

  void set(int64_t index, float x) {
    if (view_.dtype == RAPT_F32) gpu::from_float(x, &at<float>(index));
    if (view_.dtype == RAPT_F16) gpu::from_float(x, &at<gpu::f16>(index));
    if (view_.dtype == RAPT_BF16) gpu::from_float(x, &at<gpu::bf16>(index));
    if (view_.dtype == RAPT_I8) at<int8_t>(index) = static_cast<int8_t>(x);
    if (view_.dtype == RAPT_BOOL) at<unsigned char>(index) = x != 0;
  }

  // Of an index tensor.
  int64_t get_index(int64_t index) const { return view_.dtype == RAPT_I32 ? at<int32_t>(index) : at<int64_t>(index); }
  void set_index(int64_t index, int64_t x) {
    if (view_.dtype == RAPT_I32) at<int32_t>(index) = static_cast<int32_t>(x);
    if (view_.dtype == RAPT_I64) at<int64_t>(index) = x;
  }

  // Calls body(element index) for every index of the tensor.
  template <typename Body>
  void each(Body body) const {
    for (int64_t i = 0; i < size_[0]; i++) {
      for (int64_t j = 0; j < size_[1]; j++) {
        for (int64_t k = 0; k < size_[2]; k++) {
          for (int64_t l = 0; l < size_[3]; l++) body(index(i, j, k, l));
        }
      }
    }
  }

 private:
  template <typename T>
  T &at(int64_t index) const {
    return reinterpret_cast<T *>(memory_.get())[index];
  }

  rapt_tensor view_ = {};
  sizes size_ = {};
  int64_t count_ = 0;
  std::shared_ptr<unsigned char> memory_;
};

#endif
