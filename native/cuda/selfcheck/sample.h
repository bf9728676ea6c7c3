// SPDX-License-Identifier: Apache-2.0
// Small tensors on the host and on the device, and results beside what they should be.
#ifndef RAPT_CUDA_SELFCHECK_SAMPLE_H
#define RAPT_CUDA_SELFCHECK_SAMPLE_H

#include <array>

#include "cuda/selfcheck/numbers.h"
#include "cuda/selfcheck/room.h"
#include "rapt/base.h"

// A contiguous tensor of four dimensions, filled with numbers that every type holds exactly.
class rapt_cuda_sample {
 public:
  rapt_cuda_sample() = default;
  // `seed` chooses the numbers, multiples of 1/64 of magnitude 1 at most; 0 makes an output.
  rapt_cuda_sample(int32_t dtype, std::array<int64_t, 4> size, uint64_t seed);

  int64_t count() const { return size_[0] * size_[1] * size_[2] * size_[3]; }
  int64_t index(int64_t i, int64_t j = 0, int64_t k = 0, int64_t l = 0) const {
    return ((i * size_[1] + j) * size_[2] + k) * size_[3] + l;
  }
  double at(int64_t index) const { return rapt_cuda_decode(dtype_, bytes_.data() + index * step()); }
  void set(int64_t index, float x) { rapt_cuda_encode(dtype_, x, bytes_.data() + index * step()); }
  bool present() const { return dtype_ != 0; }

  // A copy on the device, or room for an output there; an absent tensor where this is none.
  rapt_tensor put(rapt_cuda_room *room) const;
  void get(rapt_cuda_room *room, const rapt_tensor &from);

  // Compares with what should be there, element by element, each with its error before it is rounded to this type.
  rapt_cuda_complaint compare(const char *what, const std::vector<double> &right,
                              const std::vector<double> &error) const;

 private:
  int64_t step() const { return rapt_element_size(dtype_); }

  int32_t dtype_ = 0;
  bool output_ = false;
  std::array<int64_t, 4> size_ = {};
  std::vector<unsigned char> bytes_;
};

#endif
