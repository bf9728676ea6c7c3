// SPDX-License-Identifier: Apache-2.0
// Loads for kernels that read rows of any dtype in place.
#ifndef RAPT_CPU_KERNELS_LOADS_H
#define RAPT_CPU_KERNELS_LOADS_H

#include <stdint.h>
#include <string.h>

#include "cpu/kernels/tile.h"

// A dtype as a constant parameter, so that inlining leaves one kind of load.
enum { AS_F32, AS_F16, AS_BF16, AS_I8 };

ALWAYS_INLINE int64_t size_as(const int type) { return type == AS_F32 ? 4 : type == AS_I8 ? 1 : 2; }

// Elements at .. at + V_LANES of a row.
ALWAYS_INLINE vf load_as(const int type, const void *row, int64_t at) {
  switch (type) {
    case AS_F16:
      return v_load_f16((const uint16_t *)row + at);
    case AS_BF16:
      return v_load_bf16((const uint16_t *)row + at);
    case AS_I8:
      return v_load_i8((const int8_t *)row + at);
    default:
      return v_load((const float *)row + at);
  }
}

// Elements at .. at + n, n <= V_LANES, zeros behind; the rest is not read.
ALWAYS_INLINE vf load_some_as(const int type, const void *row, int64_t at, int64_t n) {
  if (type == AS_F32) return v_load_n((const float *)row + at, n);
  uint16_t some[V_LANES] = {0};
  memcpy(some, (const char *)row + at * size_as(type), (size_t)(n * size_as(type)));
  return load_as(type, some, 0);
}

#endif
