// SPDX-License-Identifier: Apache-2.0
// Rows of other storage types to f32 and back.
#ifndef RAPT_CPU_KERNELS_CONVERT_H
#define RAPT_CPU_KERNELS_CONVERT_H

#include "cpu/kernels/half.h"
#include "cpu/kernels/tile.h"

#define CONVERT_ROW(name, from_type, to_type, vector, one)              \
  static void name(int64_t count, const from_type *from, to_type *to) { \
    int64_t i = 0;                                                      \
    for (; i + V_LANES <= count; i += V_LANES) vector;                  \
    for (; i < count; i++) to[i] = one(from[i]);                        \
  }

CONVERT_ROW(widen_f16, uint16_t, float, v_store(to + i, v_load_f16(from + i)), f16_to_f32)
CONVERT_ROW(widen_bf16, uint16_t, float, v_store(to + i, v_load_bf16(from + i)), bf16_to_f32)
CONVERT_ROW(narrow_f16, float, uint16_t, v_store_f16(to + i, v_load(from + i)), f32_to_f16)
CONVERT_ROW(narrow_bf16, float, uint16_t, v_store_bf16(to + i, v_load(from + i)), f32_to_bf16)

static void widen_i8(int64_t count, const int8_t *from, float scale, float *to) {
  int64_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) v_store(to + i, v_mul(v_load_i8(from + i), v_set1(scale)));
  for (; i < count; i++) to[i] = (float)from[i] * scale;
}

// The largest magnitude; a NaN may be lost.
static float largest(int64_t count, const float *from) {
  vf most = v_set1(0);
  for (int64_t i = 0; i < count; i += V_LANES) {
    most = v_max(v_abs(count - i >= V_LANES ? v_load(from + i) : v_load_n(from + i, count - i)), most);
  }
  return v_highest(most);
}

// Beside this number a float has no digits behind the point: adding it rounds to nearest even, and the integer then is
// in the lowest byte.
#define TO_INTEGER 0x1.8p23f

static void narrow_i8(int64_t count, const float *from, float scale, int8_t *to) {
  float shifted[V_LANES];
  for (int64_t i = 0; i < count; i += V_LANES) {
    int64_t n = count - i >= V_LANES ? V_LANES : count - i;
    vf x = n == V_LANES ? v_load(from + i) : v_load_n(from + i, n);
    v_store(shifted, v_add(v_div(x, v_set1(scale)), v_set1(TO_INTEGER)));
    for (int64_t k = 0; k < n; k++) {
      uint32_t bits;
      memcpy(&bits, shifted + k, sizeof bits);
      to[i + k] = (int8_t)(bits & 0xff);
    }
  }
}

#endif
