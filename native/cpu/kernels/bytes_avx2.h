// SPDX-License-Identifier: Apache-2.0
// Sums of products of bytes on AVX2: VPMADDUBSW multiplies unsigned by signed bytes and adds pairs in 16 bits, VPMADDWD
// adds pairs of these.
#ifndef RAPT_CPU_KERNELS_BYTES_AVX2_H
#define RAPT_CPU_KERNELS_BYTES_AVX2_H

#include <string.h>

#include "cpu/kernels/kernels.h"
#include "cpu/kernels/vec_avx2.h"

#define INTEGER_VECTORS 1

typedef __m256i vi;
typedef struct vq {
  // Unsigned; bytes with the sign of a weight aside, nibbles as they are stored.
  __m256i magnitude;
  __m256i weight;
} vq;

static inline vq q_bytes(vw w) {
  __m256i weight = _mm256_xor_si256(w, _mm256_set1_epi8((char)0x80));
  return (vq){_mm256_abs_epi8(weight), weight};
}
static inline vq q_low(vw w) { return (vq){_mm256_and_si256(w, _mm256_set1_epi8(15)), w}; }
static inline vq q_high(vw w) { return q_low(_mm256_srli_epi16(w, 4)); }
static inline vi q_begin(const int kind, int32_t start) { return (void)kind, (void)start, _mm256_setzero_si256(); }
static inline vi q_add(const int kind, vi sum, vq q, const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  __m256i all = _mm256_set1_epi32(four);
  // Eight products of 15 times 127 and their pairs fit 16 bits.
  if (kind == RAPT_INTEGERS_Q4_0) return _mm256_add_epi16(sum, _mm256_maddubs_epi16(q.magnitude, all));
  // Inputs are above -128, so that their sign can be turned; 128 times 127 twice fits 16 bits.
  __m256i pairs = _mm256_maddubs_epi16(q.magnitude, _mm256_sign_epi8(all, q.weight));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
static inline vf q_end(const int kind, vi sum, int32_t start) {
  if (kind != RAPT_INTEGERS_Q4_0) return _mm256_cvtepi32_ps(sum);
  __m256i whole = _mm256_madd_epi16(sum, _mm256_set1_epi16(1));
  return _mm256_cvtepi32_ps(_mm256_add_epi32(whole, _mm256_set1_epi32(start)));
}

#endif
