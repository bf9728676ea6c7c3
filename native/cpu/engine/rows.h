// SPDX-License-Identifier: Apache-2.0
// Rows of tensors in any storage type, as floats: read where they lie when they are contiguous f32, converted
// otherwise.
#ifndef RAPT_CPU_ENGINE_ROWS_H
#define RAPT_CPU_ENGINE_ROWS_H

#include "base/tensor.h"
#include "cpu/kernels/kernels.h"
#include "rapt/rapt.h"

// `count` elements that start at `row` and lie `stride` apart: the row itself where it is plain, else a copy in
// staging.
const float *rapt_read_row(const rapt_kernels *kernels, int32_t dtype, const void *row, int64_t stride, int64_t count,
                           float *staging);

// The same for bf16 that stay bf16, always as a copy.
void rapt_read_bf16(const void *row, int64_t stride, int64_t count, uint16_t *to);

// Keys or values: (batch, kv_heads, kv_len, depth), and where they are i8 their scales, `groups` to a row.
typedef struct rapt_kv {
  const rapt_tensor *rows;
  const rapt_tensor *scale;
  int64_t groups;
  int64_t depth;
} rapt_kv;

// Row j of a kv head as floats: the row itself where it is plain, else a copy in staging, which has room for `depth`.
const float *rapt_read_kv_row(const rapt_kernels *kernels, const rapt_kv *kv, int64_t batch, int64_t kv_head, int64_t j,
                              float *staging);

// Converts `count` floats to elements that start at `row` and lie `stride` apart, rounding to nearest even.
void rapt_write_row(const rapt_kernels *kernels, const float *from, int64_t count, int32_t dtype, void *row,
                    int64_t stride);

#endif
