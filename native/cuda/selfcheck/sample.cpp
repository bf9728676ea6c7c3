// SPDX-License-Identifier: Apache-2.0
#include "cuda/selfcheck/sample.h"

#include <cstdio>

rapt_cuda_sample::rapt_cuda_sample(int32_t dtype, std::array<int64_t, 4> size, uint64_t seed)
    : dtype_(dtype), output_(seed == 0), size_(size) {
  bytes_.assign(static_cast<size_t>(count() * step()), 0xff);
  // SplitMix64 (Steele, Lea and Flood 2014).
  for (int64_t i = 0; i < count() && !output_; i++) {
    uint64_t z = seed + static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    float x = static_cast<float>(static_cast<int>((z ^ (z >> 31)) % 129) - 64);
    set(i, dtype == RAPT_I8 ? x : x / 64);
  }
}

rapt_tensor rapt_cuda_sample::put(rapt_cuda_room *room) const {
  rapt_tensor t = {};
  if (!present()) return t;
  t.dtype = dtype_;
  int64_t step_of = 1;
  for (size_t d = 4; d-- > 0;) {
    t.stride[d] = step_of;
    step_of *= size_[d];
  }
  t.data = output_ ? room->room_for(bytes_.size()) : room->put(bytes_.data(), bytes_.size());
  return t;
}

void rapt_cuda_sample::get(rapt_cuda_room *room, const rapt_tensor &from) {
  if (present()) room->get(from.data, bytes_.size(), bytes_.data());
}

rapt_cuda_complaint rapt_cuda_sample::compare(const char *what, const std::vector<double> &right,
                                              const std::vector<double> &error) const {
  // Half the distance between the smallest numbers.
  const double smallest = dtype_ == RAPT_F16 ? 0x1p-25 : 0x1p-134;
  for (size_t i = 0; i < right.size(); i++) {
    double got = at(static_cast<int64_t>(i));
    if (got == right[i]) continue;
    // f32 results carry their last rounding in the error.
    double rounding = dtype_ == RAPT_F32 ? 0 : rapt_cuda_unit(dtype_) * (fabs(right[i]) + error[i]) + smallest;
    if (fabs(got - right[i]) <= error[i] + rounding) continue;
    char text[160];
    snprintf(text, sizeof text, "element %zu of %s is %.9g instead of %.9g, %.3g off at most", i, what, got, right[i],
             error[i] + rounding);
    return text;
  }
  return "";
}
