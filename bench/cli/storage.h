// SPDX-License-Identifier: Apache-2.0
// Numbers in the storage types of rapt.h: f32, f16, bf16, i8 without its scale, and blocks of q8_0 and q4_0.
#ifndef RAPT_BENCH_STORAGE_H
#define RAPT_BENCH_STORAGE_H

#include <stddef.h>
#include <stdint.h>

// Bytes of one element; not for blocks.
size_t storage_bytes(int32_t dtype);

// Bytes of so many elements, which are whole blocks.
size_t storage_total(int32_t dtype, size_t count);

// Elements of a block, 1 for types without blocks.
int64_t storage_block(int32_t dtype);

// How far storing a number may move it, relative to the number; 0 for f32, in which results are computed.
double storage_rounding(int32_t dtype);

// The element at an index, widened.
float storage_load(const void *data, int64_t index, int32_t dtype);

// Fills with a uniform distribution over [-scale, scale), the same for the same seed.
void storage_fill_random(void *data, size_t count, uint64_t seed, float scale, int32_t dtype);

#endif
