// SPDX-License-Identifier: Apache-2.0
// Numbers in fixed point, as three bytes each: what VPDPBUSD, which multiplies bytes, takes in place of floats. It sums
// 64 products of bytes exactly, so three of them do what four FMAs do with 64 bytes of K or V, and need no conversion.
#ifndef RAPT_CPU_FIXED_POINT_H
#define RAPT_CPU_FIXED_POINT_H

#include <stdint.h>
#include <string.h>

#include "cpu/tile.h"
#include "cpu/vec_avx512.h"

#define DIGITS 3
// Rows of one register block. With two vectors of bytes and three digits that makes 24 accumulators.
#define FIXED_ROWS 4
// Beyond 2^RANGE or below 2^-RANGE a largest magnitude is left to floats: nothing below over- or underflows inside.
#define RANGE 60

// 16 int32. Not __m512i: the compiler keeps arrays of this type in registers, of that one it does not.
typedef __v16si vi;

// Every lane plus four products of unsigned bytes and signed bytes.
ALWAYS_INLINE vi add_products(vi sum, vi of_unsigned, vi of_signed) {
  return (vi)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)of_unsigned, (__m512i)of_signed);
}

// From four ints of four bytes each in a 128-bit lane to the four lowest bytes, then the four next, and so on.
ALWAYS_INLINE __m512i bytes_by_weight(__m512i numbers) {
  const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_shuffle_epi8(numbers, _mm512_broadcast_i32x4(order));
}

// The number whose digits were multiplied, from the three sums. Exact up to rounding to float twice: the sums are below
// 2^25 in magnitude for up to 1024 terms.
ALWAYS_INLINE vf join_digits(vi low, vi middle, vi high) {
  vf upper = v_fma(_mm512_cvtepi32_ps((__m512i)high), v_set1(256.0f), _mm512_cvtepi32_ps((__m512i)middle));
  return v_fma(upper, v_set1(256.0f), _mm512_cvtepi32_ps((__m512i)low));
}

// The first n of 64 bytes, n <= 64, zeros behind; with whole, all of them. The rest is not read.
ALWAYS_INLINE __m512i load_bytes(const int whole, const void *from, __mmask64 some) {
  return whole ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi8(some, from);
}
static inline __mmask64 first_bytes(int64_t n) { return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1; }

// x in [2^e, 2^(e + 1)), for a normal x without a sign; and 2^e.
static inline int exponent_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (int)(bits >> 23) - 127;
}
static inline float power_of_two(int exponent) {
  uint32_t bits = (uint32_t)(exponent + 127) << 23;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
static inline int in_range(float x) { return x >= power_of_two(-RANGE) && x <= power_of_two(RANGE); }

// Whether all of values[0 .. count) are finite.
static inline int all_are_finite(int64_t count, const float *values) {
  __mmask16 other = 0;
  for (int64_t i = 0; i < count; i += V_LANES) {
    vf v = v_load_n(values + i, count - i < V_LANES ? count - i : V_LANES);
    vf zero = v_mul(v, v_set1(0.0f));
    other |= _mm512_cmp_ps_mask(zero, zero, _CMP_UNORD_Q);
  }
  return other == 0;
}

// Of finite values.
static inline float largest_magnitude(int64_t count, const float *values) {
  vf largest = v_set1(0.0f);
  for (int64_t i = 0; i < count; i += V_LANES) {
    largest = v_max(v_abs(v_load_n(values + i, count - i < V_LANES ? count - i : V_LANES)), largest);
  }
  return v_highest(largest);
}

#endif
