// SPDX-License-Identifier: Apache-2.0
// The vector vocabulary of the kernel templates on AVX2 and FMA.
#ifndef RAPT_CPU_KERNELS_VEC_AVX2_H
#define RAPT_CPU_KERNELS_VEC_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define V_LANES 8
// 12 accumulators, 2 columns of b and a broadcast: 15 of 16 registers.
#define TILE_ROWS 6
#define TILE_VECTORS 2
// Rows and keys of a register block of the decode dot products. Few rows, so that few instructions come with a line of
// K: other rows find it in L1.
#define DOT_ROWS 2
#define DOT_KEYS 4
// Vectors per register block of the decode products with V, by 4 rows: 8 accumulators, 6 loads for 8 FMAs.
#define GATHER_VECTORS 2
// The same of f32 in the second way of reading: two lines at most of each value at once.
#define GATHER_NARROW 2
// Rows by vectors of the blocks that read values in order: up to 12 accumulators.
#define GATHER_MOST_VECTORS 12
#define GATHER_SHAPES       \
  SHAPE(1, 12, CASE(1, 12)) \
  SHAPE(1, 8, CASE(1, 8))   \
  SHAPE(2, 4, CASE(1, 4) CASE(2, 4))
// Decode itself adds up values by quarters, and multiplies paged keys so; merging has no use for that.
#define QUARTERS
// Rows that are multiplied by weights as blocks in registers alone: their sums leave room for a run of weights.
#define BLOCK_ROWS 4
// Panels of blocks that go side by side for so many rows: their sums, scales and words of nibbles fit registers.
#define SIDE_OF(rows, has_words) ((rows) == 1 || ((rows) == 2 && !(has_words)) ? 2 : 1)

typedef __m256 vf;

static inline vf v_set1(float x) { return _mm256_set1_ps(x); }
static inline vf v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
static inline __m256i v_first(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
// The first n elements, 0 <= n <= 8, zeros behind; the rest is not read. A masked store is 42 micro-operations on Zen 1
// to 3, and a load of what it has stored waits for it, so whole vectors are stored without.
static inline vf v_load_n(const float *p, int64_t n) {
  return n == V_LANES ? v_load(p) : _mm256_maskload_ps(p, v_first(n));
}
static inline void v_store_n(float *p, vf v, int64_t n) {
  if (n == V_LANES) {
    v_store(p, v);
  } else {
    _mm256_maskstore_ps(p, v_first(n), v);
  }
}
static inline vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
// a * b - product, exactly: what rounding a * b to the product has lost.
static inline vf v_lost(vf a, vf b, vf product) { return _mm256_fmsub_ps(a, b, product); }
// b where either is NaN.
static inline vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf v_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline vf v_sign_of(vf magnitude, vf sign) {
  return _mm256_or_ps(magnitude, _mm256_and_ps(sign, _mm256_set1_ps(-0.0f)));
}
// a < b ? x : y per lane; false for NaN.
static inline vf v_if_less(vf a, vf b, vf x, vf y) { return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
static inline vf v_if_equal(vf a, vf b, vf x, vf y) { return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_EQ_OQ)); }
static inline int v_any_less(vf a, vf b) { return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ)) != 0; }
static inline float v_highest(vf a) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}
static inline float v_sum(vf a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
// out[i] = the sum of the i-th vector's lanes, with a third of the shuffles of four single sums.
static inline void v_sum4(const vf v[4], float *out) {
  vf ab = v_add(_mm256_unpacklo_ps(v[0], v[1]), _mm256_unpackhi_ps(v[0], v[1]));
  vf cd = v_add(_mm256_unpacklo_ps(v[2], v[3]), _mm256_unpackhi_ps(v[2], v[3]));
  vf abcd = v_add(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1)));
}
// v_exp2 parts x by the conversion to an integer, which rounds to nearest, and computes in this unit: the exponent of a
// subnormal result then still is that of a normal number.
#define EXP2_TO_NEAREST
#define EXP2_UNIT 0x1p64f
// No x below -150 has another power than -150 has, which rounds to 0. x where it is NaN.
static inline vf v_limit(vf x) { return _mm256_max_ps(_mm256_set1_ps(-150.0f), x); }
static inline __m256i v_nearest(vf x) { return _mm256_cvtps_epi32(v_limit(x)); }
// x - nearest(x), 0 for -inf.
static inline vf v_fraction(vf x) { return _mm256_sub_ps(v_limit(x), _mm256_cvtepi32_ps(v_nearest(x))); }
// y * 2^nearest(x) / EXP2_UNIT for y near EXP2_UNIT, exactly 0 for x = -inf. x must be below 63. The exponent is added
// as an integer, without a branch; a NaN converts to an integer without low bits, and so keeps its payload.
static inline vf v_scale_exponent(vf y, vf x) {
  __m256i bits = _mm256_add_epi32(_mm256_castps_si256(y), _mm256_slli_epi32(v_nearest(x), 23));
  return _mm256_mul_ps(_mm256_castsi256_ps(bits), _mm256_set1_ps(1 / EXP2_UNIT));
}

static inline void v_transpose(vf r[V_LANES]) {
  vf t[V_LANES];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int q = 0; q < 8; q += 4) {
    r[q + 0] = _mm256_shuffle_ps(t[q + 0], t[q + 2], 0x44);
    r[q + 1] = _mm256_shuffle_ps(t[q + 0], t[q + 2], 0xee);
    r[q + 2] = _mm256_shuffle_ps(t[q + 1], t[q + 3], 0x44);
    r[q + 3] = _mm256_shuffle_ps(t[q + 1], t[q + 3], 0xee);
  }
  for (int m = 0; m < 4; m++) {
    t[m] = _mm256_permute2f128_ps(r[m], r[m + 4], 0x20);
    t[m + 4] = _mm256_permute2f128_ps(r[m], r[m + 4], 0x31);
  }
  for (int i = 0; i < 8; i++) r[i] = t[i];
}

// From pairs (a0 b0 a1 b1 ...) to all first ones and all second ones.
static inline void v_unzip(vf *a, vf *b) {
  // Shuffles work within 128-bit halves: first both vectors' low halves side by side, then both high ones.
  vf low = _mm256_permute2f128_ps(*a, *b, 0x20), high = _mm256_permute2f128_ps(*a, *b, 0x31);
  *a = _mm256_shuffle_ps(low, high, 0x88);
  *b = _mm256_shuffle_ps(low, high, 0xdd);
}
// And back.
static inline void v_zip(vf *a, vf *b) {
  vf low = _mm256_unpacklo_ps(*a, *b), high = _mm256_unpackhi_ps(*a, *b);
  *a = _mm256_permute2f128_ps(low, high, 0x20);
  *b = _mm256_permute2f128_ps(low, high, 0x31);
}

// V_LANES elements of another storage type; stores round to nearest even.
static inline vf v_load_f16(const uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
static inline void v_store_f16(uint16_t *p, vf v) {
  _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
static inline vf v_load_bf16(const uint16_t *p) {
  __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
// The first and the second bf16 of V_LANES pairs.
static inline vf v_low_bf16(const void *p) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_loadu_si256(p), 16)); }
static inline vf v_high_bf16(const void *p) {
  return _mm256_castsi256_ps(_mm256_and_si256(_mm256_loadu_si256(p), _mm256_set1_epi32((int)0xffff0000)));
}
static inline vf v_load_i8(const int8_t *p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
// Rounds to the nearest integers, ties to even; they fit a signed byte.
static inline void v_store_i8(int8_t *p, vf v) {
  __m256i wide = _mm256_cvtps_epi32(v);
  __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  _mm_storel_epi64((__m128i *)p, _mm_packs_epi16(half, half));
}
typedef __m256i vw;
// Words of eight nibbles, and the j-th nibble of each, the lowest first, as a number from -8 to 7.
static inline vw v_load_words(const void *p) { return _mm256_loadu_si256(p); }
static inline vf v_nibble(vw w, int j) {
  return _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(w, 28 - 4 * j), 28));
}
// The second nibble of each word becomes its first.
static inline vw v_next_nibble(vw w) { return _mm256_srli_epi32(w, 4); }
static inline void v_store_bf16(uint16_t *p, vf v) {
  __m256i b = _mm256_castps_si256(v);
  __m256i odd = _mm256_and_si256(_mm256_srli_epi32(b, 16), _mm256_set1_epi32(1));
  __m256i rounded = _mm256_add_epi32(b, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  // A NaN is quieted instead: rounding could carry it into an infinity or beyond.
  __m256i quiet = _mm256_or_si256(b, _mm256_set1_epi32(0x400000));
  __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  __m256i kept = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
  // packus works within 128-bit halves; bring the two low quarters together.
  __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(kept, kept), 0x08);
  _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(packed));
}

#endif
