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

#endif
