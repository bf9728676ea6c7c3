// SPDX-License-Identifier: Apache-2.0
// Rows of tensors of any dtype, as floats: contiguous f32 rows are read in place, all others are converted into a copy.
#ifndef RAPT_CPU_ENGINE_ROWS_H
#define RAPT_CPU_ENGINE_ROWS_H

#include "base/tensor.h"
#include "cpu/kernels/kernels.h"
#include "rapt/rapt.h"

// `count` elements that start at `row` and lie `stride` apart: the row itself where it is plain, else a copy in
// staging.
const float *rapt_read_row(const rapt_kernels *kernels, int32_t dtype, const void *row, int64_t stride, int64_t count,
                           float *staging);

// Copies a bf16 row as it is.
void rapt_read_bf16(const void *row, int64_t stride, int64_t count, uint16_t *to);

// Whether a row of bf16 can be read in place as 32-bit pairs.
int rapt_are_pairs(const void *row, int64_t stride, int64_t count);

// A row of bf16 as such pairs: the row itself where it can be read in place, else a copy in staging, in which an odd
// last element has a zero beside it.
const float *rapt_read_pairs(const void *row, int64_t stride, int64_t count, float *staging);

// Converts `count` floats to elements that start at `row` and lie `stride` apart, rounding to nearest even.
void rapt_write_row(const rapt_kernels *kernels, const float *from, int64_t count, int32_t dtype, void *row,
                    int64_t stride);

#endif
