// SPDX-License-Identifier: Apache-2.0
// Decode's product of weights and values, a block of neighbouring keys at a time: bound by reading V, which is read
// once, in place, for all rows of a GQA group. Vectors run along the head dimension; other dtypes than f32 are widened
// in registers.
#ifndef RAPT_CPU_KERNELS_GATHER_H
#define RAPT_CPU_KERNELS_GATHER_H

#include "base/arithmetic.h"
#include "cpu/kernels/kernels.h"
#include "cpu/kernels/loads.h"
#include "cpu/kernels/prefetch.h"

// Rows of one register block of the output; its vectors are the tier's GATHER_VECTORS.
#define GATHER_ROWS 4
// The most rows for which the second way of reading takes GATHER_NARROW vectors at once; more are bound by arithmetic.
#define GATHER_NARROW_ROWS 4

// What all blocks of rows and elements share.
typedef struct gather_block_of {
  const float *weights;
  int64_t weight_stride;
  int64_t key_count;
  const char *values;
  // Bytes.
  int64_t value_stride;
  // The element of a value that the block starts at; its last vector holds `last` elements, the others V_LANES.
  int64_t first;
  int64_t last;
  const float *correction;
  float *out;
  int64_t out_stride;
  // Cache lines that are prefetched with every key of a block.
  int64_t share;
  // Bytes of a value from its start: where a block that reads without requests ends, and where the value does.
  int64_t end;
  int64_t bytes;
} gather_block_of;

ALWAYS_INLINE void gather_block(const int type, const int rows, const int vectors, const int guarded,
                                const gather_block_of *b, prefetch *next) {
  // Without requests all vectors are whole.
  const int whole = next == NULL;
  // A block's sums start from zero and are added to the output at its end: the rounding error grows with the keys of a
  // block, not with all keys.
  vf sum[GATHER_ROWS][GATHER_MOST_VECTORS], zero = v_set1(0.0f);
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 16
    for (int v = 0; v < vectors; v++) sum[r][v] = zero;
  }
#pragma GCC unroll 1
  for (int64_t k = 0; k < b->key_count; k++) {
    if (whole) {
      // The lines behind the block, which the other blocks of this value read, while its place is known.
#pragma GCC unroll 1
      for (int64_t at = b->end; at < b->bytes; at += CACHE_LINE) {
        __builtin_prefetch(b->values + k * b->value_stride + at);
      }
    } else if (k % 2 == 0) {
      prefetch_lines(next, 2 * b->share);
    }
    vf value[GATHER_MOST_VECTORS];
#pragma GCC unroll 16
    for (int v = 0; v < vectors; v++) {
      const void *row = b->values + k * b->value_stride;
      int64_t at = b->first + v * V_LANES;
      int some = !whole && v == vectors - 1 && b->last != V_LANES;
      value[v] = some ? load_some_as(type, row, at, b->last) : load_as(type, row, at);
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      vf weight = v_set1(b->weights[r * b->weight_stride + k]);
#pragma GCC unroll 16
      for (int v = 0; v < vectors; v++) {
        vf added = v_fma(weight, value[v], sum[r][v]);
        sum[r][v] = guarded ? v_if_equal(weight, zero, sum[r][v], added) : added;
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 16
    for (int v = 0; v < vectors; v++) {
      float *to = b->out + r * b->out_stride + b->first + v * V_LANES;
      vf scale = v_set1(b->correction[r]);
      if (!whole && v == vectors - 1) {
        v_store_n(to, v_fma(v_load_n(to, b->last), scale, sum[r][v]), b->last);
      } else {
        v_store(to, v_fma(v_load(to), scale, sum[r][v]));
      }
    }
  }
}

// Adds the keys of `all`, whose row and element are its first. Blocks of four rows and `across` vectors come
// first; the rest is done with fewer rows, or vector by vector. `share` lines are prefetched with each key of a block.
// Elements before `from` are left out.
ALWAYS_INLINE void gather_some(const int type, const int across, int64_t rows, int64_t from, int64_t depth,
                               const int guarded, const gather_block_of *all, prefetch next) {
  gather_block_of b = *all;
#define ROWS(height)                                    \
  case height:                                          \
    if (wide) {                                         \
      gather_block(type, height, across, 0, &b, &next); \
    } else {                                            \
      gather_block(type, height, 1, 0, &b, &next);      \
    }                                                   \
    break;
  for (int64_t d = from; d < depth;) {
    int64_t left = depth - d;
    int wide = left >= across * V_LANES;
    int64_t last = left < V_LANES ? left : V_LANES;
    int64_t most = guarded ? 1 : GATHER_ROWS, height = most;
    b.first = d;
    b.last = wide ? V_LANES : last;
    for (int64_t r = 0; r < rows; r += height) {
      height = rows - r < most ? rows - r : most;
      b.weights = all->weights + r * all->weight_stride;
      b.correction = all->correction + r;
      b.out = all->out + r * all->out_stride;
      if (guarded && wide) {
        gather_block(type, 1, across, 1, &b, &next);
      } else if (guarded) {
        gather_block(type, 1, 1, 1, &b, &next);
      } else {
        switch (height) {
          ROWS(1)
          ROWS(2)
          ROWS(3)
          ROWS(GATHER_ROWS)
        }
      }
    }
    d += wide ? across * V_LANES : last;
  }
  prefetch_rest(&next);
#undef ROWS
}

#include "cpu/kernels/gather_streams.h"

// Adds the keys of `all`, a block of rapt_gather_keys at a time.
ALWAYS_INLINE void gather_as(const int type, const int streams, int64_t rows, int64_t depth, int guarded, stream s,
                             gather_block_of all) {
  static const float ones[RAPT_DECODE_WIDTH] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const int narrow = streams && type == AS_F32 && rows <= GATHER_NARROW_ROWS;
  const int across = narrow ? GATHER_NARROW : GATHER_VECTORS;
  const float *weights = all.weights;
  int64_t key_count = all.key_count;
  int64_t step = rapt_gather_keys(depth), vectors = (depth + V_LANES - 1) / V_LANES;
  int64_t passes = (rows + GATHER_ROWS - 1) / GATHER_ROWS * (vectors / across + vectors % across);
  all.value_stride = s.stride;
  all.bytes = s.bytes;
  all.share = (line_count(s.bytes) + passes - 1) / passes;
  for (int64_t k = 0; k < key_count; k += step) {
    all.weights = weights + k;
    all.key_count = rapt_min(step, key_count - k);
    all.values = s.first + k * s.stride;
    int done = streams && !guarded && gather_in_order(type, rows, depth, &all);
    prefetch next = prefetch_start(&s, k, all.key_count);
    if (!done && narrow) gather_some(type, GATHER_NARROW, rows, 0, depth, guarded, &all, next);
    if (!done && !narrow) gather_some(type, GATHER_VECTORS, rows, 0, depth, guarded, &all, next);
    all.correction = ones;
  }
}

// Defines a rapt_gather for one type and each way of reading.
#define GATHER(name, type)                                     \
  GATHER_READING(name##_prefetch, type, RAPT_READING_PREFETCH) \
  GATHER_READING(name##_streams, type, RAPT_READING_STREAMS)
#define GATHER_READING(name, type, reading)                                                                          \
  static void name(int64_t rows, const float *weights, int64_t weight_stride, int64_t key_count, const void *values, \
                   int64_t value_stride, int64_t depth, const float *correction, float *out, int64_t out_stride,     \
                   int guarded) {                                                                                    \
    gather_block_of all = {.weights = weights,                                                                       \
                           .weight_stride = weight_stride,                                                           \
                           .key_count = key_count,                                                                   \
                           .correction = correction,                                                                 \
                           .out = out,                                                                               \
                           .out_stride = out_stride};                                                                \
    stream from = stream_with(rows, values, value_stride, depth, size_as(type));                                     \
    gather_as(type, reading == RAPT_READING_STREAMS, rows, depth, guarded, from, all);                               \
  }

GATHER(gather_f32, AS_F32)
GATHER(gather_f16, AS_F16)
GATHER(gather_bf16, AS_BF16)
GATHER(gather_i8, AS_I8)

#endif
