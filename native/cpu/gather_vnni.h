// SPDX-License-Identifier: Apache-2.0
// Sums of int8 values with a scale each, by the weights of a few query rows in fixed point.
//
// Weights times their values' scales become multiples of a unit, a power of two, below 2^24: three digits of 0 to 255.
// A digit's sum over the n <= 512 keys of a tile is below 512 * 255 * 128 = 2^24: no int32 overflows, and sums are
// exact.
//
// Error: half a unit at most per key, and a thousand tiny weights beside a large one may all be rounded the same way:
//   n * unit / 2 * 128
// at most. The unit is chosen such that this is no more than 2^-21 of the sum of the tile's weights times a value that
// one of its visible rows holds: half of the 2^-20 of the largest value that results may be off by, with nothing
// assumed about weights, scales or values. Keys whose weight that unit cannot hold, at most a few with a thirtieth of
// the tile's weight, go to floats, with the others of their run of 64. So does a tile with weights or scales that are
// negative or not finite, and one whose units would be beyond the range of floats.
#ifndef RAPT_CPU_GATHER_VNNI_H
#define RAPT_CPU_GATHER_VNNI_H

#include <float.h>
#include <math.h>

#include "core/arithmetic.h"
#include "core/kernels.h"
#include "cpu/fixed_point.h"
#include "cpu/walk.h"

// Keys that go to floats together.
#define RUN 64
#define MOST_RUNS (RAPT_MOST_FIXED_KEYS / RUN)
// Keys between two requests for memory.
#define STEP 32
// Keys of one pass over the elements, while their bytes stay in L1: as many as that leaves, since a pass ends with 24
// sums turned into floats.
#define PASS_BYTES (16 * 1024)

// A tile's weights of one row.
typedef struct fixed_row {
  float unit;
  // Whether each run of keys is left to floats.
  unsigned char apart[MOST_RUNS];
} fixed_row;

// row[k] *= scale[k]. Returns the sum of what was there, and the highest product of each run; not finite, or negative,
// where any of these is.
static float scale_weights(int64_t key_count, const float *scale, float *row, float *highest) {
  vf sum = v_set1(0.0f);
  for (int64_t run = 0; run * RUN < key_count; run++) {
    // Floats without a sign are ordered as their bits are, infinities and NaN behind them, and those with a sign last.
    __m512i most = _mm512_setzero_si512();
    int64_t end = key_count - run * RUN < RUN ? key_count : run * RUN + RUN;
    for (int64_t k = run * RUN; k < end; k += V_LANES) {
      int64_t n = end - k < V_LANES ? end - k : V_LANES;
      vf w = v_load_n(row + k, n);
      vf product = v_mul(w, v_load_n(scale + k, n));
      sum = v_add(sum, w);
      most = _mm512_max_epu32(most, _mm512_castps_si512(product));
      v_store_n(row + k, product, n);
    }
    uint32_t bits = _mm512_reduce_max_epu32(most);
    memcpy(&highest[run], &bits, sizeof bits);
  }
  return v_sum(sum);
}

static int largest_byte(int64_t depth, const int8_t *row) {
  __m512i largest = _mm512_setzero_si512();
  for (int64_t d = 0; d < depth; d += 64) {
    largest = _mm512_max_epu8(largest, _mm512_abs_epi8(load_bytes(0, row + d, first_bytes(depth - d))));
  }
  __m512i words = _mm512_max_epu16(_mm512_srli_epi16(largest, 8), _mm512_and_si512(largest, _mm512_set1_epi16(255)));
  __m512i ints = _mm512_max_epi32(_mm512_srli_epi32(words, 16), _mm512_and_si512(words, _mm512_set1_epi32(65535)));
  return _mm512_reduce_max_epi32(ints);
}

// Chooses unit and runs of a row of products. Returns how many runs are left to floats.
static int choose_unit(int64_t key_count, const float *row, const float *highest, float sum, const float *scale,
                       const int8_t *values, int64_t value_stride, int64_t depth, fixed_row *out) {
  // The first run with a weight: its values are the next to be read, and asked for already.
  int64_t runs = (key_count + RUN - 1) / RUN, top = 0;
  while (top < runs - 1 && highest[top] == 0) top++;
  int64_t key = top * RUN;
  for (vf most = v_set1(highest[top]);; key += V_LANES) {
    int64_t n = key_count - key < V_LANES ? key_count - key : V_LANES;
    __mmask16 equal = _mm512_cmp_ps_mask(v_load_n(row + key, n), most, _CMP_EQ_OQ);
    if (equal != 0) {
      key += __builtin_ctz(equal);
      break;
    }
  }
  float largest = (float)largest_byte(depth, values + key * value_stride) * scale[key];
  float allowed = 0x1p-21f * sum * largest / (64 * (float)key_count);
  int exponent = in_range(allowed) ? exponent_of(allowed) : -RANGE;
  float limit = in_range(allowed) ? power_of_two(exponent + 24) : 0, most = power_of_two(exponent);
  int apart = 0;
  for (int64_t i = 0; i < runs; i++) {
    out->apart[i] = highest[i] != 0 && highest[i] >= limit;
    apart += out->apart[i];
    if (!out->apart[i] && most < highest[i]) most = highest[i];
  }
  // No finer than 2^-23 of the coarsest allowed: enough, and far from where floats end.
  out->unit = power_of_two(exponent_of(most) - 23);
  return apart;
}

// Four keys at a time: four ints of their lowest bytes, of the next ones, and so on.
static void fix_weights(int64_t key_count, const float *row, const fixed_row *f, char *fixed) {
  vf per_unit = v_set1(1 / f->unit);
  for (int64_t k = 0; k < key_count; k += V_LANES) {
    int64_t n = key_count - k < V_LANES ? key_count - k : V_LANES;
    vf w = f->apart[k / RUN] ? v_set1(0.0f) : v_load_n(row + k, n);
    _mm512_storeu_si512(fixed + 4 * k, bytes_by_weight(_mm512_cvtps_epi32(v_mul(w, per_unit))));
  }
}

// The lower or upper 8 bytes of every 128-bit lane of four values, of four keys each side by side.
ALWAYS_INLINE void load_values(const int whole, const int upper, const char *value, int64_t stride, __mmask64 some,
                               vi out[2]) {
  __m512i a = load_bytes(whole, value, some), b = load_bytes(whole, value + stride, some);
  __m512i c = load_bytes(whole, value + 2 * stride, some), d = load_bytes(whole, value + 3 * stride, some);
  __m512i ab = upper ? _mm512_unpackhi_epi8(a, b) : _mm512_unpacklo_epi8(a, b);
  __m512i cd = upper ? _mm512_unpackhi_epi8(c, d) : _mm512_unpacklo_epi8(c, d);
  out[0] = (vi)_mm512_unpacklo_epi16(ab, cd);
  out[1] = (vi)_mm512_unpackhi_epi16(ab, cd);
}

// What a pass over keys works on.
typedef struct gather_pass {
  const char *values;
  int64_t stride;
  int64_t count;
  // Of the first row, and bytes from row to row.
  const char *fixed;
  int64_t fixed_stride;
  // Elements from the first of these 64 on.
  int64_t left;
  // Per row.
  const float *unit;
  const float *correction;
  float *out;
  int64_t out_stride;
} gather_pass;

// Four keys. With shift, these are the last four, of which the first shift / 8 have been counted before.
ALWAYS_INLINE void gather_four(const int whole, const int upper, const int rows, const char *value, int64_t stride,
                               __mmask64 some, const char *fixed, int64_t fixed_stride, int shift, vi *sum) {
  vi four[2];
  load_values(whole, upper, value, stride, some, four);
#pragma GCC unroll 12
  for (int i = 0; i < rows * DIGITS; i++) {
    uint32_t digits;
    memcpy(&digits, fixed + i / DIGITS * fixed_stride + i % DIGITS * 4, sizeof digits);
    vi digit = (vi)_mm512_set1_epi32((int)(digits << shift));
    sum[2 * i] = add_products(sum[2 * i], digit, four[0]);
    sum[2 * i + 1] = add_products(sum[2 * i + 1], digit, four[1]);
  }
}

// 8 of every 16 elements of 64, the upper or the lower ones. Every STEP keys `share` lines of `ahead` are asked for.
ALWAYS_INLINE void gather_half(const int whole, const int upper, const int rows, const gather_pass *p, request *ahead,
                               int64_t share) {
  vi sum[FIXED_ROWS * DIGITS * 2];
#pragma GCC unroll 24
  for (int i = 0; i < rows * DIGITS * 2; i++) sum[i] = (vi){0};
  __mmask64 some = first_bytes(p->left);
  const char *value = p->values, *fixed = p->fixed;
  int64_t k = 0;
  for (; k + 4 <= p->count; k += 4, value += 4 * p->stride, fixed += 16) {
    if (k % STEP == 0) ask(ahead, share);
    gather_four(whole, upper, rows, value, p->stride, some, fixed, p->fixed_stride, 0, sum);
  }
  if (k < p->count) {
    int missing = (int)(k + 4 - p->count);
    gather_four(whole, upper, rows, value - missing * p->stride, p->stride, some, fixed, p->fixed_stride, 8 * missing,
                sum);
  }
  const __m512i halves = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
    const vi *s = sum + r * DIGITS * 2;
    vf a = join_digits(s[0], s[2], s[4]), b = join_digits(s[1], s[3], s[5]);
    vf part[2] = {_mm512_permutex2var_ps(a, halves, b),
                  _mm512_permutex2var_ps(a, _mm512_or_si512(halves, _mm512_set1_epi32(8)), b)};
    __m256 unit = _mm256_set1_ps(p->unit[r]), correction = _mm256_set1_ps(p->correction[r]);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      __m256 eight = i % 2 ? _mm512_extractf32x8_ps(part[i / 2], 1) : _mm512_castps512_ps256(part[i / 2]);
      int64_t first = 16 * i + 8 * upper, n = p->left - first;
      __mmask8 mask = whole || n >= 8 ? 0xff : n > 0 ? (__mmask8)((1u << n) - 1) : 0;
      float *to = p->out + r * p->out_stride + first;
      __m256 before = _mm256_mul_ps(_mm256_maskz_loadu_ps(mask, to), correction);
      _mm256_mask_storeu_ps(to, mask, _mm256_fmadd_ps(eight, unit, before));
    }
  }
}

// 64 elements.
static void gather_part(int64_t rows, const gather_pass *p, request *ahead, int64_t share) {
#define ROWS(n)                                               \
  case n:                                                     \
    if (p->left >= 64) {                                      \
      gather_half(1, 0, n, p, ahead, share);                  \
      gather_half(1, 1, n, p, ahead, share);                  \
    } else {                                                  \
      gather_half(0, 0, n, p, ahead, share);                  \
      if (p->left > 8) gather_half(0, 1, n, p, ahead, share); \
    }                                                         \
    break;
  switch (rows) {
    ROWS(1)
    ROWS(2)
    ROWS(3)
    ROWS(FIXED_ROWS)
  }
#undef ROWS
}

// All keys whose weights are in fixed point.
static void gather_fixed(int64_t rows, int64_t key_count, const int8_t *values, int64_t value_stride, int64_t depth,
                         const char *fixed, int64_t fixed_stride, const float *unit, const float *correction,
                         float *out, int64_t out_stride) {
  static const float ones[RAPT_DECODE_WIDTH] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  walk w = walk_over(values, value_stride, depth, 1);
  int64_t pass = rapt_max(PASS_BYTES / depth / RUN, 1) * RUN;
  // While all passes are at some keys, as many behind the next ones are asked for, which are there by then.
  w.ahead = pass + RUN / 2;
  int64_t passes = (rows + FIXED_ROWS - 1) / FIXED_ROWS * ((depth + 63) / 64) * 2;
  int64_t share = (line_count(w.bytes * STEP) + passes - 1) / passes;
  for (int64_t k = 0; k < key_count; k += pass) {
    int64_t count = rapt_min(key_count - k, pass);
    request ahead = request_ahead(&w, k, count);
    for (int64_t d = 0; d < depth; d += 64) {
      for (int64_t r = 0; r < rows; r += FIXED_ROWS) {
        gather_pass p = {.values = w.first + k * w.stride + d,
                         .stride = w.stride,
                         .count = count,
                         .fixed = fixed + r * fixed_stride + 4 * k,
                         .fixed_stride = fixed_stride,
                         .left = depth - d,
                         .unit = unit + r,
                         .correction = k == 0 ? correction + r : ones,
                         .out = out + r * out_stride + d,
                         .out_stride = out_stride};
        gather_part(rapt_min(rows - r, FIXED_ROWS), &p, &ahead, share);
      }
    }
    ask_rest(&ahead);
  }
}

static void gather_scaled_i8(int64_t rows, float *weights, int64_t weight_stride, int64_t key_count,
                             const int8_t *values, int64_t value_stride, int64_t depth, const float *scale,
                             const float *correction, float *out, int64_t out_stride, void *fixed, rapt_gather *plain) {
  fixed_row row[RAPT_DECODE_WIDTH];
  float unit[RAPT_DECODE_WIDTH], highest[RAPT_DECODE_WIDTH][MOST_RUNS], sum[RAPT_DECODE_WIDTH];
  int64_t runs = (key_count + RUN - 1) / RUN, apart = 0, fixed_stride = (key_count + V_LANES - 1) / V_LANES * 64;
  int usable = key_count >= 4;
  for (int64_t r = 0; r < rows; r++) {
    sum[r] = scale_weights(key_count, scale, weights + r * weight_stride, highest[r]);
    for (int64_t i = 0; i < runs; i++) usable &= !signbit(highest[r][i]) && highest[r][i] <= FLT_MAX;
  }
  for (int64_t r = 0; usable && r < rows; r++) {
    const float *from = weights + r * weight_stride;
    apart += choose_unit(key_count, from, highest[r], sum[r], scale, values, value_stride, depth, &row[r]);
    unit[r] = row[r].unit;
  }
  // A run of one row in floats costs about what fixed point saves on eight.
  if (!usable || 8 * apart > rows * runs) {
    plain(rows, weights, weight_stride, key_count, values, value_stride, depth, correction, out, out_stride, 0);
    return;
  }
  for (int64_t r = 0; r < rows; r++) {
    fix_weights(key_count, weights + r * weight_stride, &row[r], (char *)fixed + r * fixed_stride);
  }
  gather_fixed(rows, key_count, values, value_stride, depth, fixed, fixed_stride, unit, correction, out, out_stride);
  for (int64_t r = 0; apart > 0 && r < rows; r++) {
    for (int64_t i = 0; i < runs; i++) {
      if (!row[r].apart[i]) continue;
      static const float one = 1;
      int64_t k = i * RUN, count = key_count - k < RUN ? key_count - k : RUN;
      plain(1, weights + r * weight_stride + k, weight_stride, count, values + k * value_stride, value_stride, depth,
            &one, out + r * out_stride, out_stride, 0);
    }
  }
}

#endif
