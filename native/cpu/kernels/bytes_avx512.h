// SPDX-License-Identifier: Apache-2.0
// Sums of products of bytes on AVX-512 without VNNI: VPMADDUBSW multiplies unsigned by signed bytes and adds pairs in
// 16 bits, VPMADDWD adds pairs of these.
#ifndef RAPT_CPU_KERNELS_BYTES_AVX512_H
#define RAPT_CPU_KERNELS_BYTES_AVX512_H

#include <string.h>

#include "cpu/kernels/kernels.h"
#include "cpu/kernels/vec_avx512.h"

#define INTEGER_VECTORS 1

typedef __m512i vi;
typedef struct vq {
  // Unsigned; bytes with the sign of a weight aside, nibbles as they are stored.
  __m512i magnitude;
  __mmask64 is_negative;
} vq;

static inline vq q_bytes(vw w) {
  __m512i weight = _mm512_xor_si512(w, _mm512_set1_epi8((char)0x80));
  return (vq){_mm512_abs_epi8(weight), _mm512_movepi8_mask(weight)};
}
static inline vq q_low(vw w) { return (vq){_mm512_and_si512(w, _mm512_set1_epi8(15)), 0}; }
static inline vq q_high(vw w) { return q_low(_mm512_srli_epi16(w, 4)); }
static inline vi q_begin(const int kind, int32_t start) { return (void)kind, (void)start, _mm512_setzero_si512(); }
static inline vi q_add(const int kind, vi sum, vq q, const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  __m512i all = _mm512_set1_epi32(four);
  // Eight products of 15 times 127 and their pairs fit 16 bits.
  if (kind == RAPT_INTEGERS_Q4_0) return _mm512_add_epi16(sum, _mm512_maddubs_epi16(q.magnitude, all));
  __m512i with_sign = _mm512_mask_sub_epi8(all, q.is_negative, _mm512_setzero_si512(), all);
  __m512i pairs = _mm512_maddubs_epi16(q.magnitude, with_sign);
  return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}
static inline vf q_end(const int kind, vi sum, int32_t start) {
  if (kind != RAPT_INTEGERS_Q4_0) return _mm512_cvtepi32_ps(sum);
  __m512i whole = _mm512_madd_epi16(sum, _mm512_set1_epi16(1));
  return _mm512_cvtepi32_ps(_mm512_add_epi32(whole, _mm512_set1_epi32(start)));
}

#endif
