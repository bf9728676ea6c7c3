// SPDX-License-Identifier: Apache-2.0
// Conversions of f16 and bf16 on the host; to nearest even, as the GPU's.
#ifndef RAPT_EMULATED_NUMBER_H
#define RAPT_EMULATED_NUMBER_H

#include <stdint.h>
#include <string.h>

#include "cuda/gpu/number.h"

namespace gpu {

inline uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

inline float to_float(float x) { return x; }

inline float to_float(bf16 x) { return float_of(static_cast<uint32_t>(x.bits) << 16); }

inline float to_float(f16 x) {
  uint32_t sign = (x.bits & 0x8000u) << 16, exponent = (x.bits >> 10) & 31u, fraction = x.bits & 0x3ffu;
  if (exponent == 31) return float_of(sign | 0x7f800000u | fraction << 13);
  if (exponent == 0) return float_of(sign | bits_of(static_cast<float>(fraction) * 0x1p-24f));
  return float_of(sign | (exponent + 112) << 23 | fraction << 13);
}

inline void from_float(float x, float *to) { *to = x; }

inline void from_float(float x, bf16 *to) {
  uint32_t bits = bits_of(x);
  // A NaN keeps its sign and stays one whatever its lower bits hold.
  to->bits = static_cast<uint16_t>(x != x ? bits >> 16 | 0x40 : (bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

inline void from_float(float x, f16 *to) {
  uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
  uint32_t out;
  if (size > 0x7f800000u) {
    out = 0x7e00u;
  } else if (size >= 0x477ff000u) {
    // From half a step above the largest number on, infinity included.
    out = 0x7c00u;
  } else if (size < 0x38800000u) {
    // Below the normal numbers the step is 2^-24: adding 0.5 leaves the rounded multiple in the lower bits.
    out = bits_of(float_of(size) + 0.5f) - 0x3f000000u;
  } else {
    out = (size - 0x38000000u + 0xfffu + (size >> 13 & 1)) >> 13;
  }
  to->bits = static_cast<uint16_t>(sign | out);
}

template <typename T>
inline uint32_t pack(float low, float high) {
  T a, b;
  from_float(low, &a);
  from_float(high, &b);
  return static_cast<uint32_t>(b.bits) << 16 | a.bits;
}

}  // namespace gpu

#endif
