// SPDX-License-Identifier: Apache-2.0
// Numbers as tensors hold them, on the host: what a stored number stands for, and numbers that every type holds
// exactly.
#ifndef RAPT_CUDA_SELFCHECK_NUMBERS_H
#define RAPT_CUDA_SELFCHECK_NUMBERS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/dtype.h"

inline uint32_t rapt_cuda_bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float rapt_cuda_float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

inline float rapt_cuda_decode_f16(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
  float sign = (bits & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction != 0 ? NAN : sign * INFINITY;
  return sign * (exponent == 0 ? ldexpf(static_cast<float>(fraction), -24)
                               : ldexpf(static_cast<float>(fraction + 0x400), exponent - 25));
}

inline double rapt_cuda_decode(int32_t dtype, const unsigned char *at) {
  uint16_t half = 0;
  uint32_t word = 0;
  if (dtype == RAPT_BOOL) return *at;
  if (dtype == RAPT_I8) return *reinterpret_cast<const int8_t *>(at);
  if (dtype == RAPT_F32) {
    memcpy(&word, at, sizeof word);
    return static_cast<double>(rapt_cuda_float_of(word));
  }
  memcpy(&half, at, sizeof half);
  if (dtype == RAPT_F16) return static_cast<double>(rapt_cuda_decode_f16(half));
  return static_cast<double>(rapt_cuda_float_of(static_cast<uint32_t>(half) << 16));
}

// Stores a number that the type holds: a multiple of 1/64 up to 2, or an integer in i8.
inline void rapt_cuda_encode(int32_t dtype, float x, unsigned char *at) {
  uint32_t bits = rapt_cuda_bits_of(x);
  uint16_t half = static_cast<uint16_t>(bits >> 16);
  if (dtype == RAPT_F32) memcpy(at, &bits, sizeof bits);
  if (dtype == RAPT_BOOL) *at = x != 0;
  if (dtype == RAPT_I8) *at = static_cast<unsigned char>(static_cast<int8_t>(x));
  if (dtype == RAPT_F16) {
    uint32_t exponent = (bits >> 23 & 0xff) - 112;
    half = static_cast<uint16_t>(x == 0 ? 0 : (bits >> 16 & 0x8000) | exponent << 10 | (bits >> 13 & 0x3ff));
  }
  if (dtype == RAPT_F16 || dtype == RAPT_BF16) memcpy(at, &half, sizeof half);
}

// Half a unit in the last place of 1.
inline double rapt_cuda_unit(int32_t dtype) {
  return dtype == RAPT_F16 ? 0x1p-11 : dtype == RAPT_BF16 ? 0x1p-8 : 0x1p-24;
}

#endif
