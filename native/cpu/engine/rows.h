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

// Whether a row of bf16 is whole 32-bit pairs as it lies.
int rapt_are_pairs(const void *row, int64_t stride, int64_t count);

// A row of bf16 as such pairs, an odd last one beside a zero: the row itself where it is, else a copy in staging.
const float *rapt_read_pairs(const void *row, int64_t stride, int64_t count, float *staging);

// Converts `count` floats to elements that start at `row` and lie `stride` apart, rounding to nearest even.
void rapt_write_row(const rapt_kernels *kernels, const float *from, int64_t count, int32_t dtype, void *row,
                    int64_t stride);

#endif
