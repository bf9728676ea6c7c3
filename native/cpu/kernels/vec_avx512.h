// SPDX-License-Identifier: Apache-2.0
// The vector vocabulary of the kernel templates on AVX-512 (F, BW, DQ, VL).
#ifndef RAPT_CPU_KERNELS_VEC_AVX512_H
#define RAPT_CPU_KERNELS_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#define V_LANES 16
// 24 accumulators, 2 columns of b and a broadcast: 27 of 32 registers, and 14 loads for 24 FMAs.
#define TILE_ROWS 12
#define TILE_VECTORS 2
// Keys per register block of the decode dot products, by 4 rows: 16 accumulators, 8 loads for 16 FMAs.
#define DOT_KEYS 4
// A vector has a lane for each sum of such a block, see v_sum16.
#define DOT_SUM_BLOCK
// Vectors per register block of the decode products with V, by 4 rows: 16 accumulators, 8 loads for 16 FMAs.
#define GATHER_VECTORS 4
// The same of f32 in the second way of reading: two lines at most of each value at once.
#define GATHER_NARROW 2
// Rows by vectors of the blocks that read values in order: up to 24 accumulators.
#define GATHER_MOST_VECTORS 16
#define GATHER_SHAPES                                      \
  SHAPE(1, 16, CASE(1, 16))                                \
  SHAPE(3, 8, CASE(1, 8) CASE(2, 8) CASE(3, 8))            \
  SHAPE(4, 6, CASE(1, 6) CASE(2, 6) CASE(3, 6) CASE(4, 6)) \
  SHAPE(4, 5, CASE(1, 5) CASE(2, 5) CASE(3, 5) CASE(4, 5)) \
  SHAPE(4, 4, CASE(1, 4) CASE(2, 4) CASE(3, 4) CASE(4, 4))
// Rows that are multiplied by weights as blocks in registers alone: their sums leave room for a run of weights.
#define BLOCK_ROWS 12
// Panels of blocks that go side by side for so many rows: their sums, scales and words of nibbles fit registers.
#define SIDE_OF(rows, has_words) ((rows) == 1 ? 4 : (rows) <= 3 ? 2 : 1)

typedef __m512 vf;

static inline vf v_set1(float x) { return _mm512_set1_ps(x); }
static inline vf v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
static inline __mmask16 v_first(int64_t n) { return (__mmask16)((1u << n) - 1u); }
// The first n elements, 0 <= n <= 16, zeros behind; the rest is not read.
static inline vf v_load_n(const float *p, int64_t n) { return _mm512_maskz_loadu_ps(v_first(n), p); }
static inline void v_store_n(float *p, vf v, int64_t n) { _mm512_mask_storeu_ps(p, v_first(n), v); }
static inline vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
// a * b - product, exactly: what rounding a * b to the product has lost.
static inline vf v_lost(vf a, vf b, vf product) { return _mm512_fmsub_ps(a, b, product); }
// b where either is NaN.
static inline vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf v_abs(vf a) { return _mm512_abs_ps(a); }
static inline vf v_sign_of(vf magnitude, vf sign) {
  return _mm512_or_ps(magnitude, _mm512_and_ps(sign, _mm512_set1_ps(-0.0f)));
}
// a < b ? x : y per lane; false for NaN.
static inline vf v_if_less(vf a, vf b, vf x, vf y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
static inline vf v_if_equal(vf a, vf b, vf x, vf y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ), y, x);
}
static inline int v_any_less(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ) != 0; }
static inline float v_highest(vf a) { return _mm512_reduce_max_ps(a); }
static inline float v_sum(vf a) { return _mm512_reduce_add_ps(a); }
// out[i] = the sum of the i-th vector's lanes, with a third of the shuffles of four single sums.
static inline void v_sum4(const vf v[4], float *out) {
  vf ab = v_add(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
  vf cd = v_add(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
  vf abcd = v_add(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
  __m256 half = _mm256_add_ps(_mm512_castps512_ps256(abcd), _mm512_extractf32x8_ps(abcd, 1));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
}
// Lane i: the sum of the i-th vector's lanes, in the order of v_sum4.
static inline vf v_sum16(const vf v[16]) {
  vf part[4], pair[2];
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    vf ab = v_add(_mm512_unpacklo_ps(v[4 * i], v[4 * i + 1]), _mm512_unpackhi_ps(v[4 * i], v[4 * i + 1]));
    vf cd = v_add(_mm512_unpacklo_ps(v[4 * i + 2], v[4 * i + 3]), _mm512_unpackhi_ps(v[4 * i + 2], v[4 * i + 3]));
    part[i] = v_add(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
  }
  // Quarters 0 and 2, and 1 and 3, of both.
#pragma GCC unroll 2
  for (int i = 0; i < 2; i++) {
    pair[i] = v_add(_mm512_shuffle_f32x4(part[2 * i], part[2 * i + 1], 0x44),
                    _mm512_shuffle_f32x4(part[2 * i], part[2 * i + 1], 0xee));
  }
  return v_add(_mm512_shuffle_f32x4(pair[0], pair[1], 0x88), _mm512_shuffle_f32x4(pair[0], pair[1], 0xdd));
}
// x - floor(x), 0 for an infinity.
static inline vf v_fraction(vf x) { return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
// y * 2^floor(x), exactly 0 for x = -inf.
static inline vf v_scale_exponent(vf y, vf x) { return _mm512_scalef_ps(y, x); }

static inline void v_transpose(vf r[V_LANES]) {
  vf t[V_LANES];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  // Now every 128-bit lane of r[4q + m] holds one column of the four rows 4q to 4q + 3.
  for (int q = 0; q < 16; q += 4) {
    r[q + 0] = _mm512_shuffle_ps(t[q + 0], t[q + 2], 0x44);
    r[q + 1] = _mm512_shuffle_ps(t[q + 0], t[q + 2], 0xee);
    r[q + 2] = _mm512_shuffle_ps(t[q + 1], t[q + 3], 0x44);
    r[q + 3] = _mm512_shuffle_ps(t[q + 1], t[q + 3], 0xee);
  }
  for (int m = 0; m < 4; m++) {
    vf a = _mm512_shuffle_f32x4(r[m], r[m + 4], 0x88), b = _mm512_shuffle_f32x4(r[m], r[m + 4], 0xdd);
    vf c = _mm512_shuffle_f32x4(r[m + 8], r[m + 12], 0x88), d = _mm512_shuffle_f32x4(r[m + 8], r[m + 12], 0xdd);
    t[m] = _mm512_shuffle_f32x4(a, c, 0x88);
    t[m + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
    t[m + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
    t[m + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
  for (int i = 0; i < 16; i++) r[i] = t[i];
}

// From pairs (a0 b0 a1 b1 ...) to all first ones and all second ones.
static inline void v_unzip(vf *a, vf *b) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  vf first = _mm512_permutex2var_ps(*a, even, *b);
  *b = _mm512_permutex2var_ps(*a, _mm512_or_si512(even, _mm512_set1_epi32(1)), *b);
  *a = first;
}
// And back.
static inline void v_zip(vf *a, vf *b) {
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  vf first = _mm512_permutex2var_ps(*a, low, *b);
  *b = _mm512_permutex2var_ps(*a, _mm512_add_epi32(low, _mm512_set1_epi32(8)), *b);
  *a = first;
}

// V_LANES elements of another storage type; stores round to nearest even.
static inline vf v_load_f16(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
static inline void v_store_f16(uint16_t *p, vf v) {
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
static inline vf v_load_bf16(const uint16_t *p) {
  // Every second element of a permutation of 16-bit elements, zeros between: widened and shifted in one step.
  const __m512i upper = _mm512_set_epi16(15, 0, 14, 0, 13, 0, 12, 0, 11, 0, 10, 0, 9, 0, 8, 0, 7, 0, 6, 0, 5, 0, 4, 0,
                                         3, 0, 2, 0, 1, 0, 0, 0);
  __m512i half = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)p));
  return _mm512_castsi512_ps(_mm512_maskz_permutexvar_epi16(0xaaaaaaaa, upper, half));
}
// The first and the second bf16 of V_LANES pairs.
static inline vf v_low_bf16(const void *p) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16)); }
static inline vf v_high_bf16(const void *p) {
  return _mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi32((int)0xffff0000)));
}
static inline vf v_load_i8(const int8_t *p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
// Rounds to the nearest integers, ties to even; they fit a signed byte.
static inline void v_store_i8(int8_t *p, vf v) {
  _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
}
typedef __m512i vw;
// Words of eight nibbles, and the j-th nibble of each, the lowest first, as a number from -8 to 7.
static inline vw v_load_words(const void *p) { return _mm512_loadu_si512(p); }
static inline vf v_nibble(vw w, int j) {
  // This permutation looks at the lowest four bits of each index.
  if (j == 0) return _mm512_permutexvar_ps(w, _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1));
  // Numbers as bf16, the upper half of their f32. The permutation looks at the lowest five bits of each 16-bit index,
  // of which the fifth belongs to the next nibble and so chooses between two equal halves of the table. It serves the
  // nibbles j and j + 4 at once.
  const __m512i number =
      _mm512_set_epi16((short)0xbf80, (short)0xc000, (short)0xc040, (short)0xc080, (short)0xc0a0, (short)0xc0c0,
                       (short)0xc0e0, (short)0xc100, 0x40e0, 0x40c0, 0x40a0, 0x4080, 0x4040, 0x4000, 0x3f80, 0,
                       (short)0xbf80, (short)0xc000, (short)0xc040, (short)0xc080, (short)0xc0a0, (short)0xc0c0,
                       (short)0xc0e0, (short)0xc100, 0x40e0, 0x40c0, 0x40a0, 0x4080, 0x4040, 0x4000, 0x3f80, 0);
  __m512i both = _mm512_permutexvar_epi16(_mm512_srli_epi32(w, (unsigned)(4 * (j % 4))), number);
  __m512i one = j < 4 ? _mm512_slli_epi32(both, 16) : _mm512_and_si512(both, _mm512_set1_epi32((int)0xffff0000));
  return _mm512_castsi512_ps(one);
}
// The second nibble of each word becomes its first.
static inline vw v_next_nibble(vw w) { return _mm512_srli_epi32(w, 4); }
static inline void v_store_bf16(uint16_t *p, vf v) {
  __m512i b = _mm512_castps_si512(v);
  __m512i odd = _mm512_and_si512(_mm512_srli_epi32(b, 16), _mm512_set1_epi32(1));
  __m512i rounded = _mm512_add_epi32(b, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  // A NaN is quieted instead: rounding could carry it into an infinity or beyond.
  __m512i quiet = _mm512_or_si512(b, _mm512_set1_epi32(0x400000));
  __m512i kept = _mm512_mask_blend_epi32(_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), rounded, quiet);
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16)));
}

#endif
