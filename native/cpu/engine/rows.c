// SPDX-License-Identifier: Apache-2.0
#include "cpu/engine/rows.h"

#include <string.h>

// Elements converted at a time where they do not lie together.
#define SOME 128

const float *rapt_read_row(const rapt_kernels *kernels, int32_t dtype, const void *row, int64_t stride, int64_t count,
                           float *staging) {
  if (rapt_is_plain(dtype, stride)) return row;
  if (dtype == RAPT_F32) {
    const float *from = row;
    for (int64_t i = 0; i < count; i++) staging[i] = from[i * stride];
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
    for (int64_t k = 0; k < n; k++) some[k] = from[(i + k) * stride];
    widen(n, some, staging + i);
  }
  return staging;
}

void rapt_read_bf16(const void *row, int64_t stride, int64_t count, uint16_t *to) {
  const uint16_t *from = row;
  if (stride == 1) {
    memcpy(to, from, (size_t)count * sizeof *to);
  } else {
    for (int64_t i = 0; i < count; i++) to[i] = from[i * stride];
  }
}

static void widen_i8(const rapt_kernels *kernels, const int8_t *from, int64_t stride, int64_t count, float scale,
                     float *to) {
  if (stride == 1) {
    kernels->widen_i8(count, from, scale, to);
  } else {
    for (int64_t i = 0; i < count; i++) to[i] = (float)from[i * stride] * scale;
  }
}

const float *rapt_read_kv_row(const rapt_kernels *kernels, const rapt_kv *kv, int64_t batch, int64_t kv_head, int64_t j,
                              float *staging) {
  const rapt_tensor *t = kv->rows;
  const void *row = rapt_row(t, batch, kv_head, j);
  if (t->dtype != RAPT_I8) return rapt_read_row(kernels, t->dtype, row, t->stride[3], kv->depth, staging);
  const float *scale = rapt_row(kv->scale, batch, kv_head, j);
  int64_t size = kv->depth / kv->groups;
  for (int64_t g = 0; g < kv->groups; g++) {
    const int8_t *from = (const int8_t *)row + g * size * t->stride[3];
    widen_i8(kernels, from, t->stride[3], size, scale[g * kv->scale->stride[3]], staging + g * size);
  }
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
