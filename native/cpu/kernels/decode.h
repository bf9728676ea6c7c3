// SPDX-License-Identifier: Apache-2.0
// Few queries against many keys: bound by the bytes of K and V, which are read once, as they lie, for all rows of a
// GQA group. Vectors run along the head dimension; other storage types are widened in registers.
#ifndef RAPT_CPU_KERNELS_DECODE_H
#define RAPT_CPU_KERNELS_DECODE_H

#include "base/arithmetic.h"
#include "cpu/kernels/convert.h"
#include "cpu/kernels/kernels.h"
#include "cpu/kernels/prefetch.h"

// Rows of one register block; its keys are the tier's DOT_KEYS.
#define DOT_ROWS 4

ALWAYS_INLINE void dot_step(const int type, const int rows, const int keys, const float *queries, int64_t query_stride,
                            const char *key, int64_t key_stride, int64_t d, int64_t n, vf *sum) {
  vf column[DOT_KEYS];
#pragma GCC unroll 4
  for (int k = 0; k < keys; k++) {
    const void *row = key + k * key_stride;
    column[k] = n == V_LANES ? load_as(type, row, d) : load_some_as(type, row, d, n);
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
    const float *from = queries + r * query_stride + d;
    vf query = n == V_LANES ? v_load(from) : v_load_n(from, n);
#pragma GCC unroll 4
    for (int k = 0; k < keys; k++) sum[r * keys + k] = v_fma(query, column[k], sum[r * keys + k]);
  }
}

// Between any two steps along the keys `share` lines of `next` are prefetched.
ALWAYS_INLINE void dot_block(const int type, const int rows, const int keys, const float *queries, int64_t query_stride,
                             const char *key, int64_t key_stride, int64_t depth, float *scores, int64_t score_stride,
                             prefetch *next, int64_t share) {
  vf sum[DOT_ROWS * DOT_KEYS];
#pragma GCC unroll 16
  for (int i = 0; i < rows * keys; i++) sum[i] = v_set1(0.0f);
  int64_t d = 0;
#pragma GCC unroll 1
  for (; d + V_LANES <= depth; d += V_LANES) {
    prefetch_lines(next, share);
    dot_step(type, rows, keys, queries, query_stride, key, key_stride, d, V_LANES, sum);
  }
  if (d < depth) dot_step(type, rows, keys, queries, query_stride, key, key_stride, d, depth - d, sum);
  if (keys == 4) {
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) v_sum4(sum + r * keys, scores + r * score_stride);
  } else if (rows == 4) {
    float total[DOT_ROWS * DOT_KEYS];
#pragma GCC unroll 4
    for (int i = 0; i < keys; i++) v_sum4(sum + 4 * i, total + 4 * i);
    for (int r = 0; r < rows; r++) memcpy(scores + r * score_stride, total + r * keys, keys * sizeof(float));
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < rows * keys; i++) scores[i / keys * score_stride + i % keys] = v_sum(sum[i]);
  }
}

ALWAYS_INLINE void dots_as(const int type, int64_t rows, const float *queries, int64_t query_stride, int64_t key_count,
                           const void *keys, int64_t key_stride, int64_t depth, float *scores, int64_t score_stride) {
  stream s = stream_with(rows, keys, key_stride, depth, size_as(type));
  int64_t steps = (rows + DOT_ROWS - 1) / DOT_ROWS * (depth / V_LANES), share = 0;
  if (steps > 0) share = (line_count(DOT_KEYS * s.bytes) + steps - 1) / steps;
  // A step of bytes would ask for less than a line.
  int64_t burst = type == AS_I8 ? rapt_max(1, BYTES_BURST / (s.bytes * DOT_KEYS)) * DOT_KEYS : 0;
  for (int64_t k = 0; k < key_count;) {
    int64_t block = key_count - k >= DOT_KEYS ? DOT_KEYS : 1;
    prefetch next = {0};
    if (type != AS_I8 || k % burst == 0) next = prefetch_start(&s, k, type == AS_I8 ? burst : block);
    if (type == AS_I8) prefetch_rest(&next);
    const char *key = s.first + k * s.stride;
    for (int64_t r = 0; r < rows; r += DOT_ROWS) {
      const float *from = queries + r * query_stride;
      float *to = scores + r * score_stride + k;
#define ROWS(n)                                                                                               \
  case n:                                                                                                     \
    if (block == DOT_KEYS) {                                                                                  \
      dot_block(type, n, DOT_KEYS, from, query_stride, key, s.stride, depth, to, score_stride, &next, share); \
    } else {                                                                                                  \
      dot_block(type, n, 1, from, query_stride, key, s.stride, depth, to, score_stride, &next, share);        \
    }                                                                                                         \
    break;
      switch (rows - r < DOT_ROWS ? rows - r : DOT_ROWS) {
        ROWS(1)
        ROWS(2)
        ROWS(3)
        ROWS(DOT_ROWS)
      }
#undef ROWS
    }
    prefetch_rest(&next);
    k += block;
  }
}

// Rows of one register block of the output; its vectors are the tier's GATHER_VECTORS.
#define GATHER_ROWS 4
// Elements of the values that one register block after another passes over: enough that loading and storing the
// accumulators weighs little, few enough to stay in L1, and the same for every type so that equal values give equal
// bits.
#define GATHER_ELEMENTS 2048

ALWAYS_INLINE void gather_block(const int type, const int rows, const int vectors, int64_t last, const float *weights,
                                int64_t weight_stride, int64_t key_count, const char *values, int64_t value_stride,
                                int64_t depth, const float *correction, float *out, int64_t out_stride,
                                const int guarded, prefetch *next, int64_t share) {
  // The block starts at element `depth` of a value; its last vector holds `last` elements, the others V_LANES.
  // Sums of a block start from zero and join the output at its end: rounding grows with the keys of a block, not with
  // all of them.
  vf sum[GATHER_ROWS][GATHER_VECTORS], zero = v_set1(0.0f);
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) sum[r][v] = zero;
  }
#pragma GCC unroll 1
  for (int64_t k = 0; k < key_count; k++) {
    if (k % 2 == 0) prefetch_lines(next, 2 * share);
    vf value[GATHER_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      const void *row = values + k * value_stride;
      int64_t at = depth + v * V_LANES;
      value[v] = v == vectors - 1 && last != V_LANES ? load_some_as(type, row, at, last) : load_as(type, row, at);
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      vf weight = v_set1(weights[r * weight_stride + k]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) {
        vf added = v_fma(weight, value[v], sum[r][v]);
        sum[r][v] = guarded ? v_if_equal(weight, zero, sum[r][v], added) : added;
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      float *to = out + r * out_stride + depth + v * V_LANES;
      vf scale = v_set1(correction[r]);
      if (v == vectors - 1) {
        v_store_n(to, v_fma(v_load_n(to, last), scale, sum[r][v]), last);
      } else {
        v_store(to, v_fma(v_load(to), scale, sum[r][v]));
      }
    }
  }
}

// Keys k .. k + key_count. Four rows by four vectors where both are there; what is left over goes by fewer rows, or
// vector by vector. Between any two keys of a block `share` lines are prefetched.
ALWAYS_INLINE void gather_some(const int type, int64_t rows, const float *weights, int64_t weight_stride,
                               const stream *s, int64_t k, int64_t key_count, int64_t depth, const float *correction,
                               float *out, int64_t out_stride, int guarded, int64_t share) {
  prefetch next = prefetch_start(s, k, key_count);
#define BLOCK(height, vectors, last, guard)                                                                            \
  gather_block(type, height, vectors, last, weights + r * weight_stride + k, weight_stride, key_count,                 \
               s->first + k * s->stride, s->stride, d, correction + r, out + r * out_stride, out_stride, guard, &next, \
               share)
#define ROWS(height)                             \
  case height:                                   \
    if (wide) {                                  \
      BLOCK(height, GATHER_VECTORS, V_LANES, 0); \
    } else {                                     \
      BLOCK(height, 1, last, 0);                 \
    }                                            \
    break;
  for (int64_t d = 0; d < depth;) {
    int64_t left = depth - d;
    int wide = left >= GATHER_VECTORS * V_LANES;
    int64_t last = left < V_LANES ? left : V_LANES;
    int64_t most = guarded ? 1 : GATHER_ROWS, height = most;
    for (int64_t r = 0; r < rows; r += height) {
      height = rows - r < most ? rows - r : most;
      if (guarded && wide) {
        BLOCK(1, GATHER_VECTORS, V_LANES, 1);
      } else if (guarded) {
        BLOCK(1, 1, last, 1);
      } else {
        switch (height) {
          ROWS(1)
          ROWS(2)
          ROWS(3)
          ROWS(GATHER_ROWS)
        }
      }
    }
    d += wide ? GATHER_VECTORS * V_LANES : last;
  }
  prefetch_rest(&next);
#undef ROWS
#undef BLOCK
}

ALWAYS_INLINE void gather_as(const int type, int64_t rows, const float *weights, int64_t weight_stride,
                             int64_t key_count, const void *values, int64_t value_stride, int64_t depth,
                             const float *correction, float *out, int64_t out_stride, int guarded) {
  static const float ones[RAPT_DECODE_WIDTH] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  stream s = stream_with(rows, values, value_stride, depth, size_as(type));
  int64_t step = rapt_max(4, GATHER_ELEMENTS / depth), vectors = (depth + V_LANES - 1) / V_LANES;
  int64_t passes = (rows + GATHER_ROWS - 1) / GATHER_ROWS * (vectors / GATHER_VECTORS + vectors % GATHER_VECTORS);
  int64_t share = (line_count(s.bytes) + passes - 1) / passes;
  for (int64_t k = 0; k < key_count; k += step) {
    gather_some(type, rows, weights, weight_stride, &s, k, key_count - k < step ? key_count - k : step, depth,
                k == 0 ? correction : ones, out, out_stride, guarded, share);
  }
}

#define DECODE_KERNELS(name, type)                                                                                     \
  static void dots_##name(int64_t rows, const float *queries, int64_t query_stride, int64_t key_count,                 \
                          const void *keys, int64_t key_stride, int64_t depth, float *scores, int64_t score_stride) {  \
    dots_as(type, rows, queries, query_stride, key_count, keys, key_stride, depth, scores, score_stride);              \
  }                                                                                                                    \
  static void gather_##name(int64_t rows, const float *weights, int64_t weight_stride, int64_t key_count,              \
                            const void *values, int64_t value_stride, int64_t depth, const float *correction,          \
                            float *out, int64_t out_stride, int guarded) {                                             \
    gather_as(type, rows, weights, weight_stride, key_count, values, value_stride, depth, correction, out, out_stride, \
              guarded);                                                                                                \
  }

DECODE_KERNELS(f32, AS_F32)
DECODE_KERNELS(f16, AS_F16)
DECODE_KERNELS(bf16, AS_BF16)
DECODE_KERNELS(i8, AS_I8)

#endif
