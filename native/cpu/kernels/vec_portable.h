// SPDX-License-Identifier: Apache-2.0
// The vector vocabulary of the kernel templates in plain C: four floats in a compiler vector, no intrinsics.
#ifndef RAPT_CPU_KERNELS_VEC_PORTABLE_H
#define RAPT_CPU_KERNELS_VEC_PORTABLE_H

#include <stdint.h>
#include <string.h>

#include "cpu/kernels/half.h"

#define V_LANES 4
// 8 accumulators, 2 columns of b and a broadcast: fits the 16 registers of the poorest vector unit around.
#define TILE_ROWS 4
#define TILE_VECTORS 2
// Keys per register block of the decode dot products, by 4 rows: 8 accumulators.
#define DOT_KEYS 2
// Vectors per register block of the decode products with V, by 4 rows: 16 accumulators.
#define GATHER_VECTORS 4
// The same of f32 in the second way of reading: two lines at most of each value at once.
#define GATHER_NARROW 2
// Rows by vectors of the blocks that read values in order.
#define GATHER_MOST_VECTORS 8
#define GATHER_SHAPES SHAPE(1, 8, CASE(1, 8))
// Rows that are multiplied by weights as blocks in registers alone: their sums leave room for a run of weights.
#define BLOCK_ROWS 4
// Panels of blocks that go side by side for so many rows: their sums, scales and words of nibbles fit registers.
#define SIDE_OF(rows, has_words) ((rows) <= 2 ? 2 : 1)

typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));

static inline vf v_set1(float x) { return (vf){x, x, x, x}; }
static inline vf v_load(const float *p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline void v_store(float *p, vf v) { memcpy(p, &v, sizeof v); }
// The first n elements, 0 <= n <= 4, zeros behind; the rest is not read.
static inline vf v_load_n(const float *p, int64_t n) {
  vf v = {0};
  memcpy(&v, p, (size_t)n * sizeof(float));
  return v;
}
static inline void v_store_n(float *p, vf v, int64_t n) { memcpy(p, &v, (size_t)n * sizeof(float)); }
static inline vf v_add(vf a, vf b) { return a + b; }
static inline vf v_sub(vf a, vf b) { return a - b; }
static inline vf v_mul(vf a, vf b) { return a * b; }
static inline vf v_div(vf a, vf b) { return a / b; }
static inline vf v_fma(vf a, vf b, vf c) { return a * b + c; }
// a * b - product, exactly: what rounding a * b to the product has lost.
static inline vf v_lost(vf a, vf b, vf product) {
  vf lost;
  for (int i = 0; i < V_LANES; i++) lost[i] = (float)((double)a[i] * (double)b[i] - (double)product[i]);
  return lost;
}
static inline vf v_select(vi condition, vf x, vf y) { return (vf)(((vi)x & condition) | ((vi)y & ~condition)); }
// b where either is NaN.
static inline vf v_max(vf a, vf b) { return v_select(a > b, a, b); }
static inline vf v_abs(vf a) { return (vf)((vi)a & 0x7fffffff); }
static inline vf v_sign_of(vf magnitude, vf sign) { return (vf)((vi)magnitude | ((vi)sign & (vi)v_set1(-0.0f))); }
// a < b ? x : y per lane; false for NaN.
static inline vf v_if_less(vf a, vf b, vf x, vf y) { return v_select(a < b, x, y); }
static inline vf v_if_equal(vf a, vf b, vf x, vf y) { return v_select(a == b, x, y); }
static inline int v_any_less(vf a, vf b) {
  vi c = a < b;
  return (c[0] | c[1] | c[2] | c[3]) != 0;
}
static inline float v_highest(vf a) {
  float low = a[0] > a[1] ? a[0] : a[1], high = a[2] > a[3] ? a[2] : a[3];
  return low > high ? low : high;
}
static inline float v_sum(vf a) { return (a[0] + a[2]) + (a[1] + a[3]); }
// out[i] = the sum of the i-th vector's lanes.
static inline void v_sum4(const vf v[4], float *out) {
  for (int i = 0; i < 4; i++) out[i] = v_sum(v[i]);
}
// Clamps x to +-1e6, inside which an int32 holds its floor; NaN stays NaN.
static inline vf v_limit(vf x) {
  return v_if_less(x, v_set1(-1e6f), v_set1(-1e6f), v_if_less(v_set1(1e6f), x, v_set1(1e6f), x));
}
static inline vi v_floor(vf x) {
  // A NaN cannot be converted to an integer; any number will do, since the NaN stays in the fraction.
  vf limited = v_limit(v_select(x == x, x, v_set1(0.0f)));
  vi n = __builtin_convertvector(limited, vi);
  return n + (__builtin_convertvector(n, vf) > limited);
}
// x - floor(x), 0 for an infinity.
static inline vf v_fraction(vf x) { return v_limit(x) - __builtin_convertvector(v_floor(x), vf); }
// 2^n for -126 <= n <= 127.
static inline vf v_power(vi n) { return (vf)(((n + 127) & 0xff) << 23); }
// y * 2^floor(x) for 1 <= y < 2, exactly 0 for x = -inf. x must be below 128 or NaN.
static inline vf v_scale_exponent(vf y, vf x) {
  // In two steps, since a subnormal result's exponent fits no normal number.
  vi n = v_floor(v_if_less(x, v_set1(-252.0f), v_set1(-252.0f), x));
  vi half = n >> 1;
  return y * v_power(half) * v_power(n - half);
}

static inline void v_transpose(vf r[V_LANES]) {
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < i; j++) {
      float t = r[i][j];
      r[i][j] = r[j][i];
      r[j][i] = t;
    }
  }
}

// From pairs (a0 b0 a1 b1 ...) to all first ones and all second ones.
static inline void v_unzip(vf *a, vf *b) {
  vf x = *a, y = *b;
  *a = (vf){x[0], x[2], y[0], y[2]};
  *b = (vf){x[1], x[3], y[1], y[3]};
}
// And back.
static inline void v_zip(vf *a, vf *b) {
  vf x = *a, y = *b;
  *a = (vf){x[0], y[0], x[1], y[1]};
  *b = (vf){x[2], y[2], x[3], y[3]};
}

// V_LANES elements of another storage type; stores round to nearest even.
// As f16_to_f32, without a branch per element.
static inline vf v_load_f16(const uint16_t *p) {
  vi half = {p[0], p[1], p[2], p[3]}, sign = (half & 0x8000) << 16, bits = (half & 0x7fff) << 13;
  const int32_t least = 1 << 23, infinite = 31 << 23;
  vi is_subnormal = least > bits;
  vi is_special = bits >= infinite;
  vi is_nan = bits > infinite;
  vi subnormal = (vi)(__builtin_convertvector(bits >> 13, vf) * 0x1p-24f);
  vi other = (bits + ((127 - 15) << 23)) | (is_special & 0x7f800000) | (is_nan & 0x400000);
  return (vf)((is_subnormal & subnormal) | (~is_subnormal & other) | sign);
}
static inline void v_store_f16(uint16_t *p, vf v) {
  for (int i = 0; i < 4; i++) p[i] = f32_to_f16(v[i]);
}
static inline vf v_load_bf16(const uint16_t *p) {
  return (vf){bf16_to_f32(p[0]), bf16_to_f32(p[1]), bf16_to_f32(p[2]), bf16_to_f32(p[3])};
}
// The first and the second bf16 of V_LANES pairs.
static inline vf v_low_bf16(const void *p) {
  uint32_t w[V_LANES];
  memcpy(w, p, sizeof w);
  return (vf){bf16_to_f32((uint16_t)w[0]), bf16_to_f32((uint16_t)w[1]), bf16_to_f32((uint16_t)w[2]),
              bf16_to_f32((uint16_t)w[3])};
}
static inline vf v_high_bf16(const void *p) {
  uint32_t w[V_LANES];
  memcpy(w, p, sizeof w);
  return (vf){bf16_to_f32((uint16_t)(w[0] >> 16)), bf16_to_f32((uint16_t)(w[1] >> 16)),
              bf16_to_f32((uint16_t)(w[2] >> 16)), bf16_to_f32((uint16_t)(w[3] >> 16))};
}
static inline vf v_load_i8(const int8_t *p) { return (vf){p[0], p[1], p[2], p[3]}; }
// Rounds to the nearest integers, ties to even; they fit a signed byte.
static inline void v_store_i8(int8_t *p, vf v) {
  // Behind this number an f32 has no fraction.
  const vf whole = v_set1(0x1.8p23f);
  vf rounded = (v + whole) - whole;
  for (int i = 0; i < V_LANES; i++) p[i] = (int8_t)rounded[i];
}
typedef vi vw;
// Words of eight nibbles, and the j-th nibble of each, the lowest first, as a number from -8 to 7.
static inline vw v_load_words(const void *p) {
  vw w;
  memcpy(&w, p, sizeof w);
  return w;
}
static inline vf v_nibble(vw w, int j) {
  typedef uint32_t vu __attribute__((vector_size(16)));
  return __builtin_convertvector((vi)((vu)w << (28 - 4 * j)) >> 28, vf);
}
// The second nibble of each word becomes its first.
static inline vw v_next_nibble(vw w) { return w >> 4; }
static inline void v_store_bf16(uint16_t *p, vf v) {
  for (int i = 0; i < 4; i++) p[i] = f32_to_bf16(v[i]);
}

#endif
