// SPDX-License-Identifier: Apache-2.0
#include "storage.h"

#include <rapt/rapt.h>
#include <string.h>

size_t storage_bytes(int32_t dtype) { return dtype == RAPT_F32 ? 4 : dtype == RAPT_I8 ? 1 : 2; }

double storage_rounding(int32_t dtype) {
  switch (dtype) {
    case RAPT_F16:
      return 0x1p-11;
    case RAPT_BF16:
      return 0x1p-8;
    default:
      return 0;
  }
}

float storage_load(const void *data, int64_t index, int32_t dtype) {
  if (dtype == RAPT_F32) return ((const float *)data)[index];
  if (dtype == RAPT_F16) return (float)((const _Float16 *)data)[index];
  if (dtype == RAPT_I8) return ((const signed char *)data)[index];
  uint32_t bits = (uint32_t)((const uint16_t *)data)[index] << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Finite values only. bf16 is cut off, not rounded: random numbers do not mind.
static void store(void *data, size_t index, float value, int32_t dtype) {
  if (dtype == RAPT_F32) {
    ((float *)data)[index] = value;
  } else if (dtype == RAPT_F16) {
    ((_Float16 *)data)[index] = (_Float16)value;
  } else if (dtype == RAPT_I8) {
    ((signed char *)data)[index] = (signed char)value;
  } else {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    ((uint16_t *)data)[index] = (uint16_t)(bits >> 16);
  }
}

void storage_fill_random(void *data, size_t count, uint64_t seed, float scale, int32_t dtype) {
  // xorshift64* (Vigna 2016): one multiplication per value, so that gigabytes fill in seconds.
  uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
  for (size_t i = 0; i < count; i++) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    uint64_t bits = (state * UINT64_C(0x2545f4914f6cdd1d)) >> 40;
    store(data, i, scale * (float)((int64_t)bits - (INT64_C(1) << 23)) * 0x1p-23f, dtype);
  }
}
