// SPDX-License-Identifier: Apache-2.0
// Rotary embedding of one row. Products are rounded before they are added, in every tier and on CUDA, so that all give
// the same bits.
#ifndef RAPT_CPU_KERNELS_ROPE_H
#define RAPT_CPU_KERNELS_ROPE_H

#include "cpu/kernels/half.h"

static inline void rotate_pairs(vf cosine, vf sine, vf *a, vf *b) {
  vf turned = v_sub(v_mul(cosine, *a), v_mul(sine, *b));
  *b = v_add(v_mul(sine, *a), v_mul(cosine, *b));
  *a = turned;
}

static inline float rope_same(float x) { return x; }

// Scalar code for pairs that do not fill a vector; it reads both elements before it writes either.
#define ROTATE_PAIR(widen, narrow, first, second)          \
  {                                                        \
    float a = widen(from[first]), b = widen(from[second]); \
    to[first] = narrow(cosine[i] * a - sine[i] * b);       \
    to[second] = narrow(sine[i] * a + cosine[i] * b);      \
  }

#define ROTATE_ROW(name, type, load, store, widen, narrow)                                                   \
  static void name(int64_t pairs, int interleaved, const float *cosine, const float *sine, const type *from, \
                   type *to) {                                                                               \
    int64_t i = 0;                                                                                           \
    if (interleaved) {                                                                                       \
      for (; i + V_LANES <= pairs; i += V_LANES) {                                                           \
        vf a = load(from + 2 * i), b = load(from + 2 * i + V_LANES);                                         \
        v_unzip(&a, &b);                                                                                     \
        rotate_pairs(v_load(cosine + i), v_load(sine + i), &a, &b);                                          \
        v_zip(&a, &b);                                                                                       \
        store(to + 2 * i, a);                                                                                \
        store(to + 2 * i + V_LANES, b);                                                                      \
      }                                                                                                      \
      for (; i < pairs; i++) ROTATE_PAIR(widen, narrow, 2 * i, 2 * i + 1)                                    \
      return;                                                                                                \
    }                                                                                                        \
    for (; i + V_LANES <= pairs; i += V_LANES) {                                                             \
      vf a = load(from + i), b = load(from + pairs + i);                                                     \
      rotate_pairs(v_load(cosine + i), v_load(sine + i), &a, &b);                                            \
      store(to + i, a);                                                                                      \
      store(to + pairs + i, b);                                                                              \
    }                                                                                                        \
    for (; i < pairs; i++) ROTATE_PAIR(widen, narrow, i, i + pairs)                                          \
  }

ROTATE_ROW(rotate, float, v_load, v_store, rope_same, rope_same)
ROTATE_ROW(rotate_f16, uint16_t, v_load_f16, v_store_f16, f16_to_f32, f32_to_f16)
ROTATE_ROW(rotate_bf16, uint16_t, v_load_bf16, v_store_bf16, bf16_to_f32, f32_to_bf16)

#endif
