// SPDX-License-Identifier: Apache-2.0
// Sums of products of bytes by VPDPBUSD, which multiplies unsigned by signed bytes and adds four products to a sum of
// 32 bits. The unit that includes this names the instructions of its width.
#ifndef RAPT_CPU_KERNELS_BYTES_VNNI_H
#define RAPT_CPU_KERNELS_BYTES_VNNI_H

#include <string.h>

// Words whose bytes are weights plus 128 or 8, which the input's start takes off again.
typedef vw vq;

static inline vq q_bytes(vw w) { return w; }
static inline vq q_low(vw w) { return VNNI_AND(w, VNNI_ALL(0x0f0f0f0f)); }
static inline vq q_high(vw w) { return q_low(VNNI_SHIFT(w, 4)); }
static inline vi q_begin(const int kind, int32_t start) { return (void)kind, VNNI_ALL(start); }
static inline vi q_add(const int kind, vi sum, vq q, const int8_t *x) {
  (void)kind;
  int32_t four;
  memcpy(&four, x, sizeof four);
  return VNNI_DOT(sum, q, VNNI_ALL(four));
}
static inline vf q_end(const int kind, vi sum, int32_t start) { return (void)kind, (void)start, VNNI_FLOAT(sum); }

#endif
