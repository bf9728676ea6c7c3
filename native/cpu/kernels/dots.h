// SPDX-License-Identifier: Apache-2.0
// Decode's dot products: few queries against many keys, which are read once, in place, for all rows of a GQA group.
// The including file defines, for one type of arithmetic:
//   DOT_STEP                     elements of a row in a vector
//   dot_key(type, row, at, n)    elements at .. at + n of a key, n <= DOT_STEP, zeros behind; the rest is not read
//   dot_query(row, at, n)        the same of a query
//   dot_product(query, key, sum)
//   DOT_SUM_ROWS                 whether the sums of four rows and one key are reduced together
//   dot_stream(rows, keys, stride, depth, type)    how the keys are streamed
//   DOT_STREAM_ROWS(type, depth) the most rows that are multiplied without requests
// type is one of AS_F32, AS_F16, AS_BF16 and AS_I8, a constant at every call.
#ifndef RAPT_CPU_KERNELS_DOTS_H
#define RAPT_CPU_KERNELS_DOTS_H

#include "base/arithmetic.h"
#include "cpu/kernels/kernels.h"
#include "cpu/kernels/loads.h"
#include "cpu/kernels/prefetch.h"

// Rows of one register block, where the tier does not say; its keys are the tier's DOT_KEYS.
#ifndef DOT_ROWS
#define DOT_ROWS 4
#endif

// CASE(n) for each number of rows that a block may have.
#if DOT_ROWS == 2
#define EACH_DOT_ROWS(CASE) CASE(1) CASE(2)
#else
#define EACH_DOT_ROWS(CASE) CASE(1) CASE(2) CASE(3) CASE(4)
#endif

// What all blocks of rows and keys share.
typedef struct dot_block_of {
  const float *queries;
  int64_t query_stride;
  const char *key;
  // Bytes.
  int64_t key_stride;
  int64_t depth;
  float *scores;
  int64_t score_stride;
  // Cache lines that are prefetched between two steps along the keys.
  int64_t share;
} dot_block_of;

ALWAYS_INLINE void dot_step(const int type, const int rows, const int keys, const dot_block_of *b, int64_t d, int64_t n,
                            vf *sum) {
  vf column[DOT_KEYS];
#pragma GCC unroll 4
  for (int k = 0; k < keys; k++) column[k] = dot_key(type, b->key + k * b->key_stride, d, n);
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
    vf query = dot_query(b->queries + r * b->query_stride, d, n);
#pragma GCC unroll 4
    for (int k = 0; k < keys; k++) sum[r * keys + k] = dot_product(query, column[k], sum[r * keys + k]);
  }
}

// Stores the scores of a block whose sums these are.
ALWAYS_INLINE void dot_finish(const int rows, const int keys, const vf *sum, float *scores, int64_t stride) {
  if (keys == 4) {
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) v_sum4(sum + r * keys, scores + r * stride);
  } else if (rows == 4 && DOT_SUM_ROWS) {
    float total[DOT_ROWS * DOT_KEYS];
#pragma GCC unroll 4
    for (int i = 0; i < keys; i++) v_sum4(sum + 4 * i, total + 4 * i);
    for (int r = 0; r < rows; r++) memcpy(scores + r * stride, total + r * keys, keys * sizeof(float));
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < rows * keys; i++) scores[i / keys * stride + i % keys] = v_sum(sum[i]);
  }
}

ALWAYS_INLINE void dot_block(const int type, const int rows, const int keys, const dot_block_of *b, prefetch *next) {
  vf sum[DOT_ROWS * DOT_KEYS];
#pragma GCC unroll 16
  for (int i = 0; i < rows * keys; i++) sum[i] = v_set1(0.0f);
  int64_t d = 0;
#pragma GCC unroll 1
  for (; d + DOT_STEP <= b->depth; d += DOT_STEP) {
    prefetch_lines(next, b->share);
    dot_step(type, rows, keys, b, d, DOT_STEP, sum);
  }
  if (d < b->depth) dot_step(type, rows, keys, b, d, b->depth - d, sum);
  dot_finish(rows, keys, sum, b->scores, b->score_stride);
}

// Defines a rapt_dots for one type and each way of reading.
#define DOTS(name, type)                                     \
  DOTS_READING(name##_prefetch, type, RAPT_READING_PREFETCH) \
  DOTS_READING(name##_streams, type, RAPT_READING_STREAMS)
#define DOTS_READING(name, type, reading)                                                                         \
  static void name(int64_t rows, const float *queries, int64_t query_stride, int64_t key_count, const void *keys, \
                   int64_t key_stride, int64_t depth, float *scores, int64_t score_stride) {                      \
    dot_block_of all = {.queries = queries,                                                                       \
                        .query_stride = query_stride,                                                             \
                        .depth = depth,                                                                           \
                        .scores = scores,                                                                         \
                        .score_stride = score_stride};                                                            \
    stream from = dot_stream(rows, keys, key_stride, depth, type);                                                \
    if (reading == RAPT_READING_STREAMS && rows <= DOT_STREAM_ROWS(type, depth)) {                                \
      dots_in_streams(type, rows, key_count, from, all);                                                          \
    } else {                                                                                                      \
      dots_as(type, rows, key_count, from, all);                                                                  \
    }                                                                                                             \
  }

ALWAYS_INLINE void dots_as(const int type, int64_t rows, int64_t key_count, stream s, dot_block_of b) {
  const float *queries = b.queries;
  float *scores = b.scores;
  int64_t steps = (rows + DOT_ROWS - 1) / DOT_ROWS * (b.depth / DOT_STEP);
  if (steps > 0) b.share = (line_count(DOT_KEYS * s.bytes) + steps - 1) / steps;
  b.key_stride = s.stride;
  // A step of bytes would prefetch less than a line.
  int64_t burst = type == AS_I8 ? rapt_max(1, BYTES_BURST / (s.bytes * DOT_KEYS)) * DOT_KEYS : 0;
  for (int64_t k = 0; k < key_count;) {
    int64_t block = key_count - k >= DOT_KEYS ? DOT_KEYS : 1;
    prefetch next = {0};
    if (type != AS_I8 || k % burst == 0) next = prefetch_start(&s, k, type == AS_I8 ? burst : block);
    if (type == AS_I8) prefetch_rest(&next);
    b.key = s.first + k * s.stride;
    for (int64_t r = 0; r < rows; r += DOT_ROWS) {
      b.queries = queries + r * b.query_stride;
      b.scores = scores + r * b.score_stride + k;
#define ROWS(n)                                \
  case n:                                      \
    if (block == DOT_KEYS) {                   \
      dot_block(type, n, DOT_KEYS, &b, &next); \
    } else {                                   \
      dot_block(type, n, 1, &b, &next);        \
    }                                          \
    break;
      switch (rows - r < DOT_ROWS ? rows - r : DOT_ROWS) { EACH_DOT_ROWS(ROWS) }
#undef ROWS
    }
    prefetch_rest(&next);
    k += block;
  }
}

#include "cpu/kernels/dots_streams.h"

#endif
