// SPDX-License-Identifier: Apache-2.0
#include "cpu/engine/rows.h"

#include <string.h>

// Elements converted at a time where they are not contiguous.
#define SOME 128

// Copies elements that lie `stride` apart; for every other one the compiler has vectors.
#define COPY_APART(to, from, stride, count)                                  \
  do {                                                                       \
    if (stride == 2) {                                                       \
      for (int64_t i_ = 0; i_ < count; i_++) (to)[i_] = (from)[2 * i_];      \
    } else {                                                                 \
      for (int64_t i_ = 0; i_ < count; i_++) (to)[i_] = (from)[i_ * stride]; \
    }                                                                        \
  } while (0)

const float *rapt_read_row(const rapt_kernels *kernels, int32_t dtype, const void *row, int64_t stride, int64_t count,
                           float *staging) {
  if (rapt_is_plain(dtype, stride)) return row;
  if (dtype == RAPT_F32) {
    const float *from = row;
    COPY_APART(staging, from, stride, count);
    return staging;
  }
  void (*widen)(int64_t, const uint16_t *, float *) = dtype == RAPT_F16 ? kernels->widen_f16 : kernels->widen_bf16;
  const uint16_t *from = row;
  if (stride == 1) {
    widen(count, from, staging);
    return staging;
  }
  uint16_t some[SOME];
  for (int64_t i = 0; i < count; i += SOME) {
    int64_t n = count - i < SOME ? count - i : SOME;
    COPY_APART(some, from + i * stride, stride, n);
    widen(n, some, staging + i);
  }
  return staging;
}

void rapt_read_bf16(const void *row, int64_t stride, int64_t count, uint16_t *to) {
  const uint16_t *from = row;
  if (stride == 1) {
    memcpy(to, from, (size_t)count * sizeof *to);
  } else {
    COPY_APART(to, from, stride, count);
  }
}

int rapt_are_pairs(const void *row, int64_t stride, int64_t count) {
  return stride == 1 && count % 2 == 0 && (uintptr_t)row % sizeof(float) == 0;
}

const float *rapt_read_pairs(const void *row, int64_t stride, int64_t count, float *staging) {
  if (rapt_are_pairs(row, stride, count)) return row;
  uint16_t *to = (uint16_t *)staging;
  rapt_read_bf16(row, stride, count, to);
  if (count % 2 != 0) to[count] = 0;
  return staging;
}

void rapt_write_row(const rapt_kernels *kernels, const float *from, int64_t count, int32_t dtype, void *row,
                    int64_t stride) {
  if (dtype == RAPT_F32) {
    float *to = row;
    for (int64_t i = 0; i < count; i++) to[i * stride] = from[i];
    return;
  }
  void (*narrow)(int64_t, const float *, uint16_t *) = dtype == RAPT_F16 ? kernels->narrow_f16 : kernels->narrow_bf16;
  uint16_t *to = row;
  if (stride == 1) {
    narrow(count, from, to);
    return;
  }
  uint16_t some[SOME];
  for (int64_t i = 0; i < count; i += SOME) {
    int64_t n = count - i < SOME ? count - i : SOME;
    narrow(n, from + i, some);
    for (int64_t k = 0; k < n; k++) to[(i + k) * stride] = some[k];
  }
}
