// SPDX-License-Identifier: Apache-2.0
// Rows of one tensor turned into rows of another, or in place.
#ifndef RAPT_CPU_ROPE_ROTATION_H
#define RAPT_CPU_ROPE_ROTATION_H

#include <string.h>

#include "cpu/engine/rows.h"

// What every row asks for, looked up once.
typedef struct rapt_rotation {
  const rapt_kernels *kernels;
  int interleaved;
  // Elements of a row, and how many of them turn.
  int64_t depth, rotary_dim;
  int32_t from_dtype, to_dtype;
  int64_t from_stride, to_stride;
  // Whether rows are contiguous and of one dtype, and the bytes of a row that turn and that are copied.
  int direct;
  size_t rotated_bytes, copied_bytes;
} rapt_rotation;

// For tensors whose last dimension, the fourth, is a row.
rapt_rotation rapt_rotation_of(const rapt_kernels *kernels, int interleaved, int64_t depth, int64_t rotary_dim,
                               const rapt_tensor *from, const rapt_tensor *to);

// Contiguous rows of one dtype, without copies.
static inline void rapt_rotate_directly(const rapt_rotation *r, const float *cosine, const float *sine,
                                        const void *from, void *to) {
  int64_t pairs = r->rotary_dim / 2;
  if (r->to_dtype == RAPT_F16) {
    r->kernels->rotate_f16(pairs, r->interleaved, cosine, sine, from, to);
  } else if (r->to_dtype == RAPT_BF16) {
    r->kernels->rotate_bf16(pairs, r->interleaved, cosine, sine, from, to);
  } else {
    r->kernels->rotate(pairs, r->interleaved, cosine, sine, from, to);
  }
  if (from != to && r->copied_bytes > 0) {
    memcpy((unsigned char *)to + r->rotated_bytes, (const unsigned char *)from + r->rotated_bytes, r->copied_bytes);
  }
}

// Any rows, by way of float copies.
void rapt_rotate_staged(const rapt_rotation *rotation, const float *cosine, const float *sine, const void *from,
                        void *to);

// Turns one row; `to` is the same row as `from` or does not overlap it. Inline: a row takes no longer than some calls.
static inline void rapt_rotate_row(const rapt_rotation *r, const float *cosine, const float *sine, const void *from,
                                   void *to) {
  if (r->direct) {
    rapt_rotate_directly(r, cosine, sine, from, to);
  } else {
    rapt_rotate_staged(r, cosine, sine, from, to);
  }
}

#endif
