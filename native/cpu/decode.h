// SPDX-License-Identifier: Apache-2.0
// Few queries against many keys: bound by the bytes of K and V, which are read once, as they lie, for all rows of a
// GQA group. Vectors run along the head dimension.
#ifndef RAPT_CPU_DECODE_H
#define RAPT_CPU_DECODE_H

#include "cpu/tile.h"

// The out-of-order window holds about a block of keys, which is 2 KB in flight: a quarter of what the memory can give.
// So rows are asked for this many ahead; behind a tile's last row that is the start of the next tile.
#define ROWS_AHEAD 16

static inline void prefetch_row(const float *row, int64_t depth) {
  for (int64_t d = 0; d < depth; d += 16) __builtin_prefetch(row + d);
}

// Rows of one register block; its keys are the tier's DOT_KEYS.
#define DOT_ROWS 4

ALWAYS_INLINE void dot_block(const int rows, const int key_count, const float *queries, int64_t query_stride,
                             const float *keys, int64_t key_stride, int64_t depth, float *scores) {
  vf sum[DOT_ROWS][DOT_KEYS];
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int k = 0; k < key_count; k++) sum[r][k] = v_set1(0.0f);
  }
  for (int64_t d = 0; d < depth; d += V_LANES) {
    int64_t n = depth - d;
    vf key[DOT_KEYS];
#pragma GCC unroll 4
    for (int k = 0; k < key_count; k++) {
      const float *from = keys + k * key_stride + d;
      key[k] = n >= V_LANES ? v_load(from) : v_load_n(from, n);
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      const float *from = queries + r * query_stride + d;
      vf query = n >= V_LANES ? v_load(from) : v_load_n(from, n);
#pragma GCC unroll 4
      for (int k = 0; k < key_count; k++) sum[r][k] = v_fma(query, key[k], sum[r][k]);
    }
  }
#pragma GCC unroll 4
  for (int k = 0; k < key_count; k++) {
    float *out = scores + k * RAPT_DECODE_WIDTH;
    if (rows == DOT_ROWS) {
      const vf column[DOT_ROWS] = {sum[0][k], sum[1][k], sum[2][k], sum[3][k]};
      v_sum4(column, out);
    } else {
#pragma GCC unroll 4
      for (int r = 0; r < rows; r++) out[r] = v_sum(sum[r][k]);
    }
  }
}

static void dots(int64_t rows, const float *queries, int64_t query_stride, int64_t key_count, const float *keys,
                 int64_t key_stride, int64_t depth, float *scores) {
  for (int64_t k = 0; k < key_count;) {
    int64_t block = key_count - k >= DOT_KEYS ? DOT_KEYS : 1;
    for (int64_t i = 0; i < block; i++) prefetch_row(keys + (k + i + ROWS_AHEAD) * key_stride, depth);
    for (int64_t r = 0; r < rows; r += DOT_ROWS) {
      const float *from = queries + r * query_stride, *key = keys + k * key_stride;
      float *to = scores + k * RAPT_DECODE_WIDTH + r;
#define ROWS(n)                                                               \
  case n:                                                                     \
    if (block == DOT_KEYS) {                                                  \
      dot_block(n, DOT_KEYS, from, query_stride, key, key_stride, depth, to); \
    } else {                                                                  \
      dot_block(n, 1, from, query_stride, key, key_stride, depth, to);        \
    }                                                                         \
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

ALWAYS_INLINE void gather_block(const int rows, const int vectors, int64_t last, const float *weights,
                                int64_t key_count, const float *values, int64_t value_stride, const float *correction,
                                float *out, int64_t out_stride, const int guarded) {
  // The last vector holds `last` elements, the others V_LANES.
  vf sum[GATHER_ROWS][GATHER_VECTORS], zero = v_set1(0.0f);
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      const float *from = out + r * out_stride + v * V_LANES;
      sum[r][v] = v_mul(v == vectors - 1 ? v_load_n(from, last) : v_load(from), v_set1(correction[r]));
    }
  }
  for (int64_t k = 0; k < key_count; k++) {
    vf value[GATHER_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      const float *from = values + k * value_stride + v * V_LANES;
      value[v] = v == vectors - 1 ? v_load_n(from, last) : v_load(from);
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      vf weight = v_set1(weights[k * RAPT_DECODE_WIDTH + r]);
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
      float *to = out + r * out_stride + v * V_LANES;
      if (v == vectors - 1) {
        v_store_n(to, sum[r][v], last);
      } else {
        v_store(to, sum[r][v]);
      }
    }
  }
}

// gather for at most ROWS_AHEAD keys.
static void gather_some(int64_t rows, const float *weights, int64_t key_count, const float *values,
                        int64_t value_stride, int64_t depth, const float *correction, float *out, int64_t out_stride,
                        int guarded) {
  for (int64_t d = 0; d < depth;) {
    int64_t left = depth - d;
    int wide = left >= GATHER_VECTORS * V_LANES;
    int64_t last = left < V_LANES ? left : V_LANES;
    for (int64_t r = 0; r < rows; r += GATHER_ROWS) {
      const float *w = weights + r, *v = values + d, *c = correction + r;
      float *to = out + r * out_stride + d;
      // Four rows by four vectors where both are there; what is left over goes row by row or vector by vector.
      if (wide && !guarded && rows - r >= GATHER_ROWS) {
        gather_block(GATHER_ROWS, GATHER_VECTORS, V_LANES, w, key_count, v, value_stride, c, to, out_stride, 0);
        continue;
      }
      int64_t height = rows - r < GATHER_ROWS ? rows - r : GATHER_ROWS;
      for (int64_t i = 0; i < height; i++) {
        if (wide && !guarded) {
          gather_block(1, GATHER_VECTORS, V_LANES, w + i, key_count, v, value_stride, c + i, to + i * out_stride,
                       out_stride, 0);
        } else if (wide) {
          gather_block(1, GATHER_VECTORS, V_LANES, w + i, key_count, v, value_stride, c + i, to + i * out_stride,
                       out_stride, 1);
        } else if (guarded) {
          gather_block(1, 1, last, w + i, key_count, v, value_stride, c + i, to + i * out_stride, out_stride, 1);
        } else {
          gather_block(1, 1, last, w + i, key_count, v, value_stride, c + i, to + i * out_stride, out_stride, 0);
        }
      }
    }
    d += wide ? GATHER_VECTORS * V_LANES : last;
  }
}

static void gather(int64_t rows, const float *weights, int64_t key_count, const float *values, int64_t value_stride,
                   int64_t depth, const float *correction, float *out, int64_t out_stride, int guarded) {
  static const float ones[RAPT_DECODE_WIDTH] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  for (int64_t k = 0; k < key_count; k += ROWS_AHEAD) {
    int64_t some = key_count - k < ROWS_AHEAD ? key_count - k : ROWS_AHEAD;
    for (int64_t i = 0; i < some; i++) prefetch_row(values + (k + i + ROWS_AHEAD) * value_stride, depth);
    gather_some(rows, weights + k * RAPT_DECODE_WIDTH, some, values + k * value_stride, value_stride, depth,
                k == 0 ? correction : ones, out, out_stride, guarded);
  }
}

#endif
