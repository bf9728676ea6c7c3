// SPDX-License-Identifier: Apache-2.0
// Where the elements of a tensor lie.
#ifndef RAPT_BASE_TENSOR_H
#define RAPT_BASE_TENSOR_H

#include "base/dtype.h"
#include "rapt/base.h"

static inline int rapt_is_present(const rapt_tensor *t) { return t->dtype != 0; }

// The element `offset` elements from `data`.
static inline void *rapt_offset(const rapt_tensor *t, int64_t offset) {
  return (unsigned char *)t->data + offset * rapt_element_size(t->dtype);
}

// The element at (i0, i1, i2, 0).
static inline void *rapt_row(const rapt_tensor *t, int64_t i0, int64_t i1, int64_t i2) {
  return rapt_offset(t, i0 * t->stride[0] + i1 * t->stride[1] + i2 * t->stride[2]);
}

// The same for an f32 tensor.
static inline float *rapt_f32_row(const rapt_tensor *t, int64_t i0, int64_t i1, int64_t i2) {
  return (float *)t->data + i0 * t->stride[0] + i1 * t->stride[1] + i2 * t->stride[2];
}

// The element of an index tensor, i32 or i64, at (i0, i1). Read once: another thread may be changing it.
static inline int64_t rapt_index_at(const rapt_tensor *t, int64_t i0, int64_t i1) {
  const void *at = rapt_offset(t, i0 * t->stride[0] + i1 * t->stride[1]);
  return t->dtype == RAPT_I32 ? *(const volatile int32_t *)at : *(const volatile int64_t *)at;
}

// Whether elements of this dtype at this stride are a contiguous row of floats in memory.
static inline int rapt_is_plain(int32_t dtype, int64_t stride) { return dtype == RAPT_F32 && stride == 1; }

#endif
