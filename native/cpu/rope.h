// SPDX-License-Identifier: Apache-2.0
// Rotary embedding of one row. Products are rounded before they are added, here and in every tier alike, so that all
// devices give the same bits.
#ifndef RAPT_CPU_ROPE_H
#define RAPT_CPU_ROPE_H

static inline void rotate_pairs(vf cosine, vf sine, vf *a, vf *b) {
  vf turned = v_sub(v_mul(cosine, *a), v_mul(sine, *b));
  *b = v_add(v_mul(sine, *a), v_mul(cosine, *b));
  *a = turned;
}

// For what does not fill a vector; reads both elements before it writes either.
static inline void rotate_pair(float cosine, float sine, float a, float b, float *to_a, float *to_b) {
  *to_a = cosine * a - sine * b;
  *to_b = sine * a + cosine * b;
}

static void rotate(int64_t pairs, int interleaved, const float *cosine, const float *sine, const float *from,
                   float *to) {
  int64_t i = 0;
  if (interleaved) {
    for (; i + V_LANES <= pairs; i += V_LANES) {
      vf a = v_load(from + 2 * i), b = v_load(from + 2 * i + V_LANES);
      v_unzip(&a, &b);
      rotate_pairs(v_load(cosine + i), v_load(sine + i), &a, &b);
      v_zip(&a, &b);
      v_store(to + 2 * i, a);
      v_store(to + 2 * i + V_LANES, b);
    }
    for (; i < pairs; i++) rotate_pair(cosine[i], sine[i], from[2 * i], from[2 * i + 1], to + 2 * i, to + 2 * i + 1);
    return;
  }
  for (; i + V_LANES <= pairs; i += V_LANES) {
    vf a = v_load(from + i), b = v_load(from + pairs + i);
    rotate_pairs(v_load(cosine + i), v_load(sine + i), &a, &b);
    v_store(to + i, a);
    v_store(to + pairs + i, b);
  }
  for (; i < pairs; i++) rotate_pair(cosine[i], sine[i], from[i], from[pairs + i], to + i, to + pairs + i);
}

#endif
