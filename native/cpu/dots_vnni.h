// SPDX-License-Identifier: Apache-2.0
// Scores of a few query rows against int8 keys with a scale each, the queries in fixed point.
//
// A query row is rounded to multiples of its unit, a power of two from 2^-23 to 2^-22 of its largest magnitude, and
// written as three balanced digits, -128 to 127. Keys are taken as byte + 128, what that adds is subtracted beforehand.
// A digit's sum over D <= 1024 elements is below 1024 * 255 * 128 = 2^25: no int32 overflows, and sums are exact.
//
// Error: half a unit at most per element of the query, whatever that element is; f32 products err by less where the
// element is small. So the score's error is compared with what f32 arithmetic may cost: seen as independent, as the
// roundings of the f32 sum are too, errors of at most unit / 2 against bytes of at most 127 make
//   unit / sqrt(12) * 127 * sqrt(D) * key scale
// and that must be at most 2^-21 in units of the exponent, or at most 2^-21 of the highest score of the tile (half an
// ulp of a score is 2^-25 to 2^-24 of it, a sum of 128 terms errs by several). Bytes of a usual key are a third of 127
// in the mean square. The highest score counts only where nothing masks keys or adds to scores: else another one may
// decide. A query with one huge element that most keys multiply by 0, a scale that is not finite, scores which are all
// small although query and keys are large: such tiles go to floats.
#ifndef RAPT_CPU_DOTS_VNNI_H
#define RAPT_CPU_DOTS_VNNI_H

#include <float.h>
#include <math.h>

#include "core/kernels.h"
#include "cpu/fixed_point.h"
#include "cpu/walk.h"

// The largest number that three balanced digits write, a little below 2^23.
#define LARGEST (127 * 65536 + 127 * 256 + 127)
// Keys of one register block: two vectors of four keys.
#define FIXED_KEYS 8

// What fix_queries writes: this, then vectors. Those of a block of rows lie together: for every 64 elements and each
// quarter q of them and row and digit, lane i of 128 bits holds the digits of elements 16 i + 4 q to 16 i + 4 q + 3,
// four times.
typedef struct fixed_queries {
  // 0 for a row of zeros.
  float unit[RAPT_DECODE_WIDTH];
  // -128 * the sums of the digits that share a lane.
  int32_t start[RAPT_DECODE_WIDTH * DIGITS][16];
} fixed_queries;

_Static_assert(sizeof(fixed_queries) + RAPT_DECODE_WIDTH * 4 * DIGITS * 64 <= RAPT_FIXED_SIZE(RAPT_DECODE_WIDTH, 64),
               "room for fixed queries");

// Elements at .. at + 64 of a row, as the four vectors described above per digit.
static void fix_elements(const float *row, int64_t count, float per_unit, vi fixed[4 * DIGITS]) {
  const __m512i half = _mm512_set1_epi32(0x808080), sign = _mm512_set1_epi8(-128);
  __m512i v[4];
  for (int i = 0; i < 4; i++) {
    int64_t n = count - 16 * i < 0 ? 0 : count - 16 * i < 16 ? count - 16 * i : 16;
    __m512i number = _mm512_cvtps_epi32(v_mul(v_load_n(row + 16 * i, n), v_set1(per_unit)));
    // With 128 added to every digit they are the bytes of a number that is not negative.
    v[i] = bytes_by_weight(_mm512_xor_si512(_mm512_add_epi32(number, half), sign));
  }
  __m512i a = _mm512_shuffle_i32x4(v[0], v[1], 0x88), b = _mm512_shuffle_i32x4(v[0], v[1], 0xdd);
  __m512i c = _mm512_shuffle_i32x4(v[2], v[3], 0x88), d = _mm512_shuffle_i32x4(v[2], v[3], 0xdd);
  v[0] = _mm512_shuffle_i32x4(a, c, 0x88);
  v[1] = _mm512_shuffle_i32x4(b, d, 0x88);
  v[2] = _mm512_shuffle_i32x4(a, c, 0xdd);
  v[3] = _mm512_shuffle_i32x4(b, d, 0xdd);
  for (int q = 0; q < 4; q++) {
    fixed[q * DIGITS] = (vi)_mm512_shuffle_epi32(v[q], 0x00);
    fixed[q * DIGITS + 1] = (vi)_mm512_shuffle_epi32(v[q], 0x55);
    fixed[q * DIGITS + 2] = (vi)_mm512_shuffle_epi32(v[q], 0xaa);
  }
}

static int fix_queries(int64_t rows, const float *queries, int64_t query_stride, int64_t depth, void *fixed) {
  fixed_queries *to = fixed;
  int64_t parts = (depth + 63) / 64;
  for (int64_t r = 0; r < rows; r++) {
    const float *row = queries + r * query_stride;
    if (!all_are_finite(depth, row)) return 0;
    float magnitude = largest_magnitude(depth, row);
    if (magnitude != 0 && !in_range(magnitude)) return 0;
    int exponent = magnitude != 0 ? exponent_of(magnitude) - 22 : 0;
    if (magnitude * power_of_two(-exponent) > LARGEST) exponent++;
    to->unit[r] = magnitude != 0 ? power_of_two(exponent) : 0;
    float per_unit = power_of_two(-exponent);
    int64_t first = r / FIXED_ROWS * FIXED_ROWS, height = rows - first < FIXED_ROWS ? rows - first : FIXED_ROWS;
    char *block = (char *)(to + 1) + first * parts * 4 * DIGITS * 64;
    vi sum[DIGITS] = {0};
    for (int64_t p = 0; p < parts; p++) {
      vi part[4 * DIGITS];
      fix_elements(row + 64 * p, depth - 64 * p, per_unit, part);
      for (int q = 0; q < 4; q++) {
        for (int g = 0; g < DIGITS; g++) {
          sum[g] = add_products(sum[g], (vi)_mm512_set1_epi8(-128), part[q * DIGITS + g]);
          int64_t at = ((p * 4 + q) * height + (r - first)) * DIGITS + g;
          _mm512_store_si512(block + 64 * at, (__m512i)part[q * DIGITS + g]);
        }
      }
    }
    for (int g = 0; g < DIGITS; g++) _mm512_store_si512(to->start[r * DIGITS + g], (__m512i)-sum[g]);
  }
  return 1;
}

// Bytes 4q to 4q + 3 of every 128-bit lane of four keys side by side, for q = 2 * upper and 2 * upper + 1.
ALWAYS_INLINE void load_keys(const int whole, const int upper, const char *key, int64_t stride, __mmask64 some,
                             vi out[2]) {
  __m512i a = load_bytes(whole, key, some), b = load_bytes(whole, key + stride, some);
  __m512i c = load_bytes(whole, key + 2 * stride, some), d = load_bytes(whole, key + 3 * stride, some);
  __m512i ab = upper ? _mm512_unpackhi_epi32(a, b) : _mm512_unpacklo_epi32(a, b);
  __m512i cd = upper ? _mm512_unpackhi_epi32(c, d) : _mm512_unpacklo_epi32(c, d);
  const vi bias = (vi)_mm512_set1_epi8(-128);
  out[0] = (vi)_mm512_unpacklo_epi64(ab, cd) ^ bias;
  out[1] = (vi)_mm512_unpackhi_epi64(ab, cd) ^ bias;
}

ALWAYS_INLINE void dot_part(const int whole, const int rows, const char *key, int64_t stride, __mmask64 some,
                            const char *query, vi *sum) {
#pragma GCC unroll 2
  for (int upper = 0; upper < 2; upper++) {
    vi first[2], second[2];
    load_keys(whole, upper, key, stride, some, first);
    load_keys(whole, upper, key + 4 * stride, stride, some, second);
#pragma GCC unroll 2
    for (int q = 0; q < 2; q++) {
#pragma GCC unroll 12
      for (int i = 0; i < rows * DIGITS; i++, query += 64) {
        vi digit = (vi)_mm512_load_si512(query);
        // Loaded once for both: two loads per multiplication pair would keep the load units busier than those.
        __asm__("" : "+v"(digit));
        sum[2 * i] = add_products(sum[2 * i], first[q], digit);
        sum[2 * i + 1] = add_products(sum[2 * i + 1], second[q], digit);
      }
    }
  }
}

// The number whose digits were multiplied. A lane sums up to 1024 / 4 elements: no int32 overflows here either.
ALWAYS_INLINE vf join_lane(vi low, vi middle, vi high) {
  vf upper = _mm512_cvtepi32_ps((__m512i)((high << 8) + middle));
  return v_fma(upper, v_set1(256.0f), _mm512_cvtepi32_ps((__m512i)low));
}

// Eight keys by `rows` rows from row `first` on; ragged unless depth is a multiple of 64.
ALWAYS_INLINE void dot_eight(const int ragged, const int rows, const fixed_queries *queries, int64_t first,
                             const char *key, int64_t stride, int64_t depth, const float *scale, float *scores,
                             int64_t score_stride) {
  vi sum[FIXED_ROWS * DIGITS * 2];
#pragma GCC unroll 12
  for (int i = 0; i < rows * DIGITS; i++) {
    sum[2 * i] = sum[2 * i + 1] = (vi)_mm512_load_si512(queries->start[first * DIGITS + i]);
  }
  const char *query = (const char *)(queries + 1) + first * ((depth + 63) / 64) * 4 * DIGITS * 64;
  int64_t d = 0;
  for (; d + 64 <= depth; d += 64, query += rows * DIGITS * 4 * 64) {
    dot_part(1, rows, key + d, stride, 0, query, sum);
  }
  if (ragged) dot_part(0, rows, key + d, stride, first_bytes(depth - d), query, sum);
  __m256 factor = _mm256_loadu_ps(scale);
#pragma GCC unroll 4
  for (int r = 0; r < rows; r += 2) {
    // Two rows at a time; the four lanes of a vector are sums over a part of the elements each.
    const int other = r + 1 < rows ? r + 1 : r;
    const vi *a = sum + r * DIGITS * 2, *b = sum + other * DIGITS * 2;
    vf a0 = join_lane(a[0], a[2], a[4]), a1 = join_lane(a[1], a[3], a[5]);
    vf b0 = join_lane(b[0], b[2], b[4]), b1 = join_lane(b[1], b[3], b[5]);
    vf of_a = v_add(_mm512_shuffle_f32x4(a0, a1, 0x88), _mm512_shuffle_f32x4(a0, a1, 0xdd));
    vf of_b = v_add(_mm512_shuffle_f32x4(b0, b1, 0x88), _mm512_shuffle_f32x4(b0, b1, 0xdd));
    vf total = v_add(_mm512_shuffle_f32x4(of_a, of_b, 0x88), _mm512_shuffle_f32x4(of_a, of_b, 0xdd));
    __m256 unit = _mm256_set1_ps(queries->unit[first + r]), next = _mm256_set1_ps(queries->unit[first + other]);
    __m256 lower = _mm256_mul_ps(_mm512_castps512_ps256(total), unit);
    __m256 upper = _mm256_mul_ps(_mm512_extractf32x8_ps(total, 1), next);
    _mm256_storeu_ps(scores + r * score_stride, _mm256_mul_ps(lower, factor));
    if (other != r) _mm256_storeu_ps(scores + other * score_stride, _mm256_mul_ps(upper, factor));
  }
}

// Keys after whose scores a tile is given up that will not be exact enough.
#define TRIED 64

// Whether scores of these keys are exact enough by the bound above; with slack 2, whether twice as high ones would be.
static int are_exact_enough(const fixed_queries *queries, int64_t rows, int64_t key_count, float error,
                            float to_exponent, int bare, float slack, const float *scores, int64_t score_stride) {
  vf sign = v_set1(to_exponent < 0 ? -1.0f : 1.0f);
  for (int64_t r = 0; r < rows; r++) {
    const float *row = scores + r * score_stride;
    vf highest = v_set1(-__builtin_inff());
    for (int64_t k = 0; k < key_count; k += V_LANES) {
      int64_t n = key_count - k < V_LANES ? key_count - k : V_LANES;
      highest = _mm512_mask_max_ps(highest, v_first(n), highest, v_mul(v_load_n(row + k, n), sign));
    }
    float allowed = 0x1p-21f * fmaxf(1 / fabsf(to_exponent), bare ? slack * fabsf(v_highest(highest)) : 0);
    if (!(queries->unit[r] * error <= allowed) || !all_are_finite(key_count, row)) return 0;
  }
  return 1;
}

static int dots_scaled_i8(int64_t rows, const void *fixed, int64_t key_count, const int8_t *keys, int64_t key_stride,
                          int64_t depth, const float *scale, float to_exponent, int bare, float *scores,
                          int64_t score_stride) {
  const fixed_queries *queries = fixed;
  if (key_count < FIXED_KEYS || !all_are_finite(key_count, scale)) return 0;
  float error = 127 * sqrtf((float)depth / 12) * largest_magnitude(key_count, scale);
  if (!bare && !are_exact_enough(queries, rows, 0, error, to_exponent, 0, 1, scores, score_stride)) return 0;
  walk w = walk_over(keys, key_stride, depth, 1);
  for (int64_t next = 0; next < key_count; next += FIXED_KEYS) {
    if (next == TRIED && !are_exact_enough(queries, rows, TRIED, error, to_exponent, bare, 2, scores, score_stride)) {
      return 0;
    }
    // All at once: requests among its loads cost the register block more than they gain.
    request ahead = request_ahead(&w, next, FIXED_KEYS);
    ask_rest(&ahead);
    // The last block ends with the last key, and does some keys before it once more.
    int64_t k = next < key_count - FIXED_KEYS ? next : key_count - FIXED_KEYS;
    for (int64_t r = 0; r < rows; r += FIXED_ROWS) {
      const char *key = w.first + k * w.stride;
      float *to = scores + r * score_stride + k;
#define ROWS(n)                                                                       \
  case n:                                                                             \
    if (depth % 64 == 0) {                                                            \
      dot_eight(0, n, queries, r, key, w.stride, depth, scale + k, to, score_stride); \
    } else {                                                                          \
      dot_eight(1, n, queries, r, key, w.stride, depth, scale + k, to, score_stride); \
    }                                                                                 \
    break;
      switch (rows - r < FIXED_ROWS ? rows - r : FIXED_ROWS) {
        ROWS(1)
        ROWS(2)
        ROWS(3)
        ROWS(FIXED_ROWS)
      }
#undef ROWS
    }
  }
  return are_exact_enough(queries, rows, key_count, error, to_exponent, bare, 1, scores, score_stride);
}

#endif
