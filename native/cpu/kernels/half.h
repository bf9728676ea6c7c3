// SPDX-License-Identifier: Apache-2.0
// f16 and bf16 to f32 and back in plain C, rounding to nearest even.
#ifndef RAPT_CPU_KERNELS_HALF_H
#define RAPT_CPU_KERNELS_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t bits_of(float x) {
  uint32_t b;
  memcpy(&b, &x, sizeof b);
  return b;
}

static inline float float_of(uint32_t b) {
  float x;
  memcpy(&x, &b, sizeof x);
  return x;
}

static inline float f16_to_f32(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff;
  if (exponent == 31) return float_of(sign | 0x7f800000 | fraction << 13 | (fraction != 0 ? 0x400000 : 0));
  // A subnormal counts units of 2^-24, which f32 holds exactly.
  if (exponent == 0) return float_of(sign | bits_of((float)fraction * 0x1p-24f));
  return float_of(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

static inline uint16_t f32_to_f16(float x) {
  uint32_t b = bits_of(x), magnitude = b & 0x7fffffff;
  uint16_t sign = (uint16_t)(b >> 16 & 0x8000);
  if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  // 65520 is halfway between the largest f16 and what would be the next.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below 2^-14 the result is subnormal: adding 0.5 lets the f32 unit round to units of 2^-24.
  if (magnitude < 0x38800000) return (uint16_t)(sign | (bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f)));
  uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return (uint16_t)(sign | ((rounded - ((127 - 15) << 23)) >> 13));
}

static inline float bf16_to_f32(uint16_t h) { return float_of((uint32_t)h << 16); }

static inline uint16_t f32_to_bf16(float x) {
  uint32_t b = bits_of(x);
  // A NaN is quieted, not rounded: rounding could carry into the exponent or the sign.
  if ((b & 0x7fffffff) > 0x7f800000) return (uint16_t)(b >> 16 | 0x40);
  return (uint16_t)((b + 0x7fff + (b >> 16 & 1)) >> 16);
}

#endif
