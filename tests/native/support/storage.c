// SPDX-License-Identifier: Apache-2.0
#include "storage.h"

#include <math.h>
#include <pthread.h>
#include <rapt/rapt.h>
#include <string.h>

const char *storage_name(int32_t dtype) {
  static const char *const names[] = {"none", "f32", "bool", "f16", "bf16", "i8", "i64", "i32"};
  return names[dtype];
}

size_t storage_size(int32_t dtype) {
  static const size_t sizes[] = {0, 4, 1, 2, 2, 1, 8, 4};
  return sizes[dtype];
}

// What the pattern of a magnitude stands for, by its definition.
static float defined_value(int32_t dtype, int pattern) {
  int exponent_bits = dtype == RAPT_F16 ? 5 : 8, fraction_bits = 15 - exponent_bits;
  int bias = (1 << (exponent_bits - 1)) - 1;
  int exponent = pattern >> fraction_bits, fraction = pattern & ((1 << fraction_bits) - 1);
  if (exponent == (1 << exponent_bits) - 1) return fraction != 0 ? NAN : INFINITY;
  if (exponent == 0) return (float)ldexp(fraction, 1 - bias - fraction_bits);
  return (float)ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

// Of every pattern, because each search asks for many.
static float f16_values[0x8000], bf16_values[0x8000];

static void fill_values(void) {
  for (int pattern = 0; pattern < 0x8000; pattern++) {
    f16_values[pattern] = defined_value(RAPT_F16, pattern);
    bf16_values[pattern] = defined_value(RAPT_BF16, pattern);
  }
}

static const float *values_of(int32_t dtype) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, fill_values);
  return dtype == RAPT_F16 ? f16_values : bf16_values;
}

float storage_value(int32_t dtype, uint16_t pattern) {
  float magnitude = values_of(dtype)[pattern & 0x7fff];
  return pattern & 0x8000 ? -magnitude : magnitude;
}

// By search: magnitudes grow with their patterns.
uint16_t storage_nearest(int32_t dtype, float x) {
  uint16_t sign = signbit(x) ? 0x8000 : 0, infinity = dtype == RAPT_F16 ? 0x7c00 : 0x7f80;
  double magnitude = fabs((double)x);
  const float *value = values_of(dtype);
  int low = 0, high = infinity;
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if ((double)value[middle] <= magnitude) {
      low = middle;
    } else {
      high = middle;
    }
  }
  if (isinf(x)) return sign | infinity;
  // What would follow the largest finite value decides where infinity begins.
  double below = (double)value[low];
  double above = high < infinity ? (double)value[high] : below + (below - (double)value[low - 1]);
  double middle = below + (above - below) / 2;
  int up = magnitude > middle || (magnitude == middle && (low & 1) != 0);
  return (uint16_t)(sign | (up ? high : low));
}

float storage_get(const void *data, int32_t dtype, int64_t at) {
  return dtype == RAPT_F32 ? ((const float *)data)[at] : storage_value(dtype, ((const uint16_t *)data)[at]);
}

void storage_set(void *data, int32_t dtype, int64_t at, float x) {
  if (dtype == RAPT_F32) {
    ((float *)data)[at] = x;
  } else {
    ((uint16_t *)data)[at] = isnan(x) ? 0x7fff : storage_nearest(dtype, x);
  }
}
