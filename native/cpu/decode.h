// SPDX-License-Identifier: Apache-2.0
// Few queries against many keys: bound by the bytes of K and V, which are read once, as they lie, for all rows of a
// GQA group. Vectors run along the head dimension; other storage types are widened in registers.
#ifndef RAPT_CPU_DECODE_H
#define RAPT_CPU_DECODE_H

#include "cpu/convert.h"

// The out-of-order window alone holds too few rows in flight to keep the memory busy, so rows are asked for this many
// bytes ahead; behind a tile's last row that is the start of the next tile. How they are asked for matters more
// than the distance: hardware prefetchers follow a single instruction that walks over the lines in short bursts, and
// lose track of requests spread among the loads of four rows.
#define AHEAD_BYTES 8192
#define BURST_BYTES 2048

// Rows of `depth` elements, `stride` bytes apart, that a kernel walks over.
typedef struct walk {
  const char *first;
  int64_t stride;
  int64_t bytes;
  // Rows of a burst, and how many rows lie between the one at work and the one asked for.
  int64_t burst;
  int64_t ahead;
} walk;

static inline walk walk_over(const void *rows, int64_t stride, int64_t depth, int64_t size, int64_t multiple) {
  walk w = {.first = rows, .stride = stride * size, .bytes = depth * size};
  w.burst = BURST_BYTES / (w.bytes * multiple) * multiple;
  if (w.burst < multiple) w.burst = multiple;
  w.ahead = (AHEAD_BYTES + w.bytes - 1) / w.bytes;
  return w;
}

static inline void ask_ahead(const walk *w, int64_t row, int64_t count) {
  const char *from = w->first + (row + w->ahead) * w->stride;
  int64_t bytes = w->bytes;
  // Rows without gaps are one long row.
  if (bytes == w->stride) {
    bytes *= count;
    count = 1;
  }
  for (int64_t i = 0; i < count; i++, from += w->stride) {
    // One instruction for all lines: prefetchers tell streams apart by the instruction that reads them.
#pragma GCC unroll 1
    for (int64_t b = 0; b < bytes; b += 64) __builtin_prefetch(from + b);
  }
}

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

ALWAYS_INLINE void dot_block(const int type, const int rows, const int keys, const float *queries, int64_t query_stride,
                             const char *key, int64_t key_stride, int64_t depth, float *scores, int64_t score_stride) {
  vf sum[DOT_ROWS * DOT_KEYS];
#pragma GCC unroll 16
  for (int i = 0; i < rows * keys; i++) sum[i] = v_set1(0.0f);
  int64_t d = 0;
  for (; d + V_LANES <= depth; d += V_LANES) {
    dot_step(type, rows, keys, queries, query_stride, key, key_stride, d, V_LANES, sum);
  }
  if (d < depth) dot_step(type, rows, keys, queries, query_stride, key, key_stride, d, depth - d, sum);
  if (keys == 4) {
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) v_sum4(sum + r * keys, scores + r * score_stride);
  } else if (keys == 2 && rows == 4) {
    float total[8];
    v_sum4(sum, total);
    v_sum4(sum + 4, total + 4);
    for (int r = 0; r < rows; r++) memcpy(scores + r * score_stride, total + r * keys, keys * sizeof(float));
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < rows * keys; i++) scores[i / keys * score_stride + i % keys] = v_sum(sum[i]);
  }
}

ALWAYS_INLINE void dots_as(const int type, int64_t rows, const float *queries, int64_t query_stride, int64_t key_count,
                           const void *keys, int64_t key_stride, int64_t depth, float *scores, int64_t score_stride) {
  walk w = walk_over(keys, key_stride, depth, size_as(type), DOT_KEYS);
  for (int64_t k = 0; k < key_count;) {
    if (k % w.burst == 0) ask_ahead(&w, k, w.burst);
    int64_t block = key_count - k >= DOT_KEYS ? DOT_KEYS : 1;
    const char *key = w.first + k * w.stride;
    for (int64_t r = 0; r < rows; r += DOT_ROWS) {
      const float *from = queries + r * query_stride;
      float *to = scores + r * score_stride + k;
#define ROWS(n)                                                                                 \
  case n:                                                                                       \
    if (block == DOT_KEYS) {                                                                    \
      dot_block(type, n, DOT_KEYS, from, query_stride, key, w.stride, depth, to, score_stride); \
    } else {                                                                                    \
      dot_block(type, n, 1, from, query_stride, key, w.stride, depth, to, score_stride);        \
    }                                                                                           \
    break;
      switch (rows - r < DOT_ROWS ? rows - r : DOT_ROWS) {
        ROWS(1)
        ROWS(2)
        ROWS(3)
        ROWS(DOT_ROWS)
      }
#undef ROWS
    }
    k += block;
  }
}

// Rows x vectors of one register block of the output.
#define GATHER_ROWS 4
#define GATHER_VECTORS 4
// Keys that a burst brings at least.
#define GATHER_KEYS 4

ALWAYS_INLINE void gather_block(const int type, const int rows, const int vectors, int64_t last, const float *weights,
                                int64_t weight_stride, int64_t key_count, const char *values, int64_t value_stride,
                                int64_t depth, const float *correction, float *out, int64_t out_stride,
                                const int guarded) {
  // The block starts at element `depth` of a value; its last vector holds `last` elements, the others V_LANES.
  vf sum[GATHER_ROWS][GATHER_VECTORS], zero = v_set1(0.0f);
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      const float *from = out + r * out_stride + depth + v * V_LANES;
      sum[r][v] = v_mul(v == vectors - 1 ? v_load_n(from, last) : v_load(from), v_set1(correction[r]));
    }
  }
  for (int64_t k = 0; k < key_count; k++) {
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
        vf next = v_fma(weight, value[v], sum[r][v]);
        sum[r][v] = guarded ? v_if_equal(weight, zero, sum[r][v], next) : next;
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      float *to = out + r * out_stride + depth + v * V_LANES;
      if (v == vectors - 1) {
        v_store_n(to, sum[r][v], last);
      } else {
        v_store(to, sum[r][v]);
      }
    }
  }
}

// Keys k .. k + key_count. Four rows by four vectors where both are there; what is left over goes by two rows or one,
// or vector by vector. Each pass over the keys asks for one burst.
ALWAYS_INLINE void gather_some(const int type, int64_t rows, const float *weights, int64_t weight_stride, const walk *w,
                               int64_t k, int64_t key_count, int64_t depth, const float *correction, float *out,
                               int64_t out_stride, int guarded) {
  int64_t ask = k;
#define BLOCK(height, vectors, last, guard)                                                            \
  gather_block(type, height, vectors, last, weights + r * weight_stride + k, weight_stride, key_count, \
               w->first + k * w->stride, w->stride, d, correction + r, out + r * out_stride, out_stride, guard)
  for (int64_t d = 0; d < depth;) {
    int64_t left = depth - d;
    int wide = left >= GATHER_VECTORS * V_LANES;
    int64_t last = left < V_LANES ? left : V_LANES;
    ask_ahead(w, ask, w->burst);
    ask += w->burst;
    for (int64_t r = 0; r < rows;) {
      int64_t height = guarded || !wide || rows - r < 2 ? 1 : rows - r < GATHER_ROWS ? 2 : GATHER_ROWS;
      if (height == GATHER_ROWS) {
        BLOCK(GATHER_ROWS, GATHER_VECTORS, V_LANES, 0);
      } else if (height == 2) {
        BLOCK(2, GATHER_VECTORS, V_LANES, 0);
      } else if (wide && !guarded) {
        BLOCK(1, GATHER_VECTORS, V_LANES, 0);
      } else if (wide) {
        BLOCK(1, GATHER_VECTORS, V_LANES, 1);
      } else if (guarded) {
        BLOCK(1, 1, last, 1);
      } else {
        BLOCK(1, 1, last, 0);
      }
      r += height;
    }
    d += wide ? GATHER_VECTORS * V_LANES : last;
  }
#undef BLOCK
}

ALWAYS_INLINE void gather_as(const int type, int64_t rows, const float *weights, int64_t weight_stride,
                             int64_t key_count, const void *values, int64_t value_stride, int64_t depth,
                             const float *correction, float *out, int64_t out_stride, int guarded) {
  static const float ones[RAPT_DECODE_WIDTH] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  walk w = walk_over(values, value_stride, depth, size_as(type), GATHER_KEYS);
  // As many keys at a time as all passes over them ask for, so that loading and storing the accumulators weighs little
  // and the values stay in L1 from pass to pass.
  int64_t wide = depth / (GATHER_VECTORS * V_LANES), rest = depth - wide * GATHER_VECTORS * V_LANES;
  int64_t step = w.burst * (wide + (rest + V_LANES - 1) / V_LANES);
  for (int64_t k = 0; k < key_count; k += step) {
    gather_some(type, rows, weights, weight_stride, &w, k, key_count - k < step ? key_count - k : step, depth,
                k == 0 ? correction : ones, out, out_stride, guarded);
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
