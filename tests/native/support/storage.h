// SPDX-License-Identifier: Apache-2.0
// f16 and bf16 by their definition, slowly.
#ifndef RAPT_TESTS_SUPPORT_STORAGE_H
#define RAPT_TESTS_SUPPORT_STORAGE_H

#include <stddef.h>
#include <stdint.h>

// The name of a dtype of rapt.h.
const char *storage_name(int32_t dtype);

// Bytes of an element.
size_t storage_size(int32_t dtype);

// The value of a 16-bit pattern, dtype f16 or bf16.
float storage_value(int32_t dtype, uint16_t pattern);

// The pattern nearest to x, ties to the even one; x is no NaN.
uint16_t storage_nearest(int32_t dtype, float x);

// The element at index `at` of floats of any storage.
float storage_get(const void *data, int32_t dtype, int64_t at);

// Sets it to the value nearest to x; a NaN stays one.
void storage_set(void *data, int32_t dtype, int64_t at, float x);

#endif
