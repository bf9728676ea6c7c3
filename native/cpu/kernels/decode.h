// SPDX-License-Identifier: Apache-2.0
// Few queries against many keys: bound by reading K and V. Vectors run along the head dimension; other dtypes than f32
// are widened in registers.
#ifndef RAPT_CPU_KERNELS_DECODE_H
#define RAPT_CPU_KERNELS_DECODE_H

#include "cpu/kernels/loads.h"
#include "cpu/kernels/prefetch.h"

#define DOT_STEP V_LANES
#define DOT_SUM_ROWS 1
// With more rows the arithmetic takes as long as reading, and only requests ahead let both run at once; but blocks of
// two rows read ahead of the arithmetic of the others.
#ifdef DOT_SUM_BLOCK
#define DOT_STREAM_ROWS(type, depth) ((type) == AS_I8 ? 2 : (type) == AS_F32 && (depth) >= 128 ? 8 : 4)
#elif DOT_ROWS == 2
#define DOT_STREAM_ROWS(type, depth) RAPT_DECODE_WIDTH
#else
#define DOT_STREAM_ROWS(type, depth) ((type) == AS_F32 ? 4 : 1)
#endif

ALWAYS_INLINE vf dot_key(const int type, const void *row, int64_t at, int64_t n) {
  return n == V_LANES ? load_as(type, row, at) : load_some_as(type, row, at, n);
}

ALWAYS_INLINE vf dot_query(const float *row, int64_t at, int64_t n) {
  return n == V_LANES ? v_load(row + at) : v_load_n(row + at, n);
}

#define dot_product(query, key, sum) v_fma(query, key, sum)
#define dot_stream(rows, keys, stride, depth, type) stream_with(rows, keys, stride, depth, size_as(type))
#include "cpu/kernels/dots.h"

DOTS(dots_f32, AS_F32)
DOTS(dots_f16, AS_F16)
DOTS(dots_bf16, AS_BF16)
DOTS(dots_i8, AS_I8)

#endif
