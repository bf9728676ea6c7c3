// SPDX-License-Identifier: Apache-2.0
#include "storage.h"

#include <rapt/rapt.h>
#include <string.h>

enum { BLOCK = 32, SCALE_BYTES = 2 };

size_t storage_bytes(int32_t dtype) { return dtype == RAPT_F32 ? 4 : dtype == RAPT_I8 ? 1 : 2; }

int64_t storage_block(int32_t dtype) { return dtype == RAPT_Q8_0 || dtype == RAPT_Q4_0 ? BLOCK : 1; }

static size_t block_bytes(int32_t dtype) { return SCALE_BYTES + (dtype == RAPT_Q8_0 ? BLOCK : BLOCK / 2); }

size_t storage_total(int32_t dtype, size_t count) {
  return storage_block(dtype) == 1 ? count * storage_bytes(dtype) : count / BLOCK * block_bytes(dtype);
}

static float load_blocked(const unsigned char *data, int64_t index, int32_t dtype) {
  const unsigned char *block = data + index / BLOCK * (int64_t)block_bytes(dtype), *numbers = block + SCALE_BYTES;
  int64_t i = index % BLOCK;
  _Float16 scale;
  memcpy(&scale, block, sizeof scale);
  int number =
      dtype == RAPT_Q8_0 ? (signed char)numbers[i] : (numbers[i % (BLOCK / 2)] >> (i < BLOCK / 2 ? 0 : 4)) % 16 - 8;
  return (float)number * (float)scale;
}

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
  if (storage_block(dtype) > 1) return load_blocked(data, index, dtype);
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

// xorshift64* (Vigna 2016): one multiplication per value, so that gigabytes fill in seconds.
static uint64_t next_bits(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return (*state * UINT64_C(0x2545f4914f6cdd1d)) >> 40;
}

// Numbers of all values, with scales that bring the largest to `scale`.
static void fill_blocked(unsigned char *data, size_t bytes, uint64_t state, float scale, int32_t dtype) {
  for (size_t i = 0; i < bytes; i++) data[i] = (unsigned char)next_bits(&state);
  _Float16 unit = (_Float16)(scale / (dtype == RAPT_Q8_0 ? 128 : 8));
  for (size_t i = 0; i < bytes; i += block_bytes(dtype)) memcpy(data + i, &unit, sizeof unit);
}

void storage_fill_random(void *data, size_t count, uint64_t seed, float scale, int32_t dtype) {
  uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
  if (storage_block(dtype) > 1) {
    fill_blocked(data, storage_total(dtype, count), state, scale, dtype);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    uint64_t bits = next_bits(&state);
    store(data, i, scale * (float)((int64_t)bits - (INT64_C(1) << 23)) * 0x1p-23f, dtype);
  }
}
