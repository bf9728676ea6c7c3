// SPDX-License-Identifier: Apache-2.0
// Sums of products of bytes in plain C.
#ifndef RAPT_CPU_KERNELS_BYTES_PORTABLE_H
#define RAPT_CPU_KERNELS_BYTES_PORTABLE_H

#include "cpu/kernels/kernels.h"
#include "cpu/kernels/vec_portable.h"

#define INTEGER_VECTORS 1

// Words whose bytes are weights plus 128 or 8, which the input's start takes off again.
typedef vw vq;

static inline vq q_bytes(vw w) { return w; }
static inline vq q_low(vw w) { return w & 0x0f0f0f0f; }
static inline vq q_high(vw w) { return w >> 4 & 0x0f0f0f0f; }
static inline vi q_begin(const int kind, int32_t start) { return (void)kind, (vi){start, start, start, start}; }
static inline vi q_add(const int kind, vi sum, vq q, const int8_t *x) {
  (void)kind;
  for (int i = 0; i < 4; i++) sum += (q >> 8 * i & 255) * x[i];
  return sum;
}
static inline vf q_end(const int kind, vi sum, int32_t start) {
  return (void)kind, (void)start, __builtin_convertvector(sum, vf);
}

#endif
