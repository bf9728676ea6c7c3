// SPDX-License-Identifier: Apache-2.0
// The second way of reading keys, for CPUs whose prefetchers follow lines that are read in order but neither several
// neighbouring rows at once nor requests of the program. Included by dots.h.
#ifndef RAPT_CPU_KERNELS_DOTS_STREAMS_H
#define RAPT_CPU_KERNELS_DOTS_STREAMS_H

// Vectors of a row that are read by instructions of their own: prefetchers tell streams apart by the address of the
// instruction, and the fewer instructions to a line, the more lines the out-of-order window spans.
#define DOT_CHUNK 4

// The sums of a block, without requests.
ALWAYS_INLINE void dot_sums(const int type, const int rows, const int keys, const dot_block_of *b, vf *sum) {
#pragma GCC unroll 16
  for (int i = 0; i < rows * keys; i++) sum[i] = v_set1(0.0f);
  int64_t d = 0;
#pragma GCC unroll 1
  for (; d + DOT_CHUNK * DOT_STEP <= b->depth; d += DOT_CHUNK * DOT_STEP) {
#pragma GCC unroll 4
    for (int i = 0; i < DOT_CHUNK; i++) dot_step(type, rows, keys, b, d + i * DOT_STEP, DOT_STEP, sum);
  }
#pragma GCC unroll 1
  for (; d + DOT_STEP <= b->depth; d += DOT_STEP) dot_step(type, rows, keys, b, d, DOT_STEP, sum);
  if (d < b->depth) dot_step(type, rows, keys, b, d, b->depth - d, sum);
}

#ifdef DOT_SUM_BLOCK
#include "cpu/kernels/dots_apart.h"
#else

// One key.
ALWAYS_INLINE void dot_one(const int type, const int rows, const dot_block_of *b) {
  vf sum[DOT_ROWS];
  dot_sums(type, rows, 1, b, sum);
  dot_finish(rows, 1, sum, b->scores, b->score_stride);
}

// DOT_KEYS neighbouring keys, one after the other.
ALWAYS_INLINE void dot_key_after_key(const int type, const int rows, const dot_block_of *all) {
  dot_block_of b = *all;
  vf sum[DOT_ROWS * DOT_KEYS];
#pragma GCC unroll 1
  for (int k = 0; k < DOT_KEYS; k++) {
    vf part[DOT_ROWS];
    dot_sums(type, rows, 1, &b, part);
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) sum[r * DOT_KEYS + k] = part[r];
    b.key += b.key_stride;
  }
  dot_finish(rows, DOT_KEYS, sum, b.scores, b.score_stride);
}

// DOT_KEYS keys that are `apart` keys apart, at once.
ALWAYS_INLINE void dot_keys_apart(const int type, const int rows, int64_t apart, const dot_block_of *all) {
  dot_block_of b = *all;
  vf sum[DOT_ROWS * DOT_KEYS];
  float total[DOT_ROWS * DOT_KEYS];
  b.key_stride *= apart;
  dot_sums(type, rows, DOT_KEYS, &b, sum);
  dot_finish(rows, DOT_KEYS, sum, total, DOT_KEYS);
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int k = 0; k < DOT_KEYS; k++) b.scores[r * b.score_stride + k * apart] = total[r * DOT_KEYS + k];
  }
}

// What is summed at once: keys far apart, neighbouring ones, or a single one.
enum { DOT_APART, DOT_NEIGHBOURS, DOT_ONE };

// All rows at key number `key` and those summed with it.
ALWAYS_INLINE void dots_at(const int type, const int keys, int64_t rows, int64_t key, int64_t apart, dot_block_of b) {
  b.key += key * b.key_stride;
  b.scores += key;
  for (int64_t r = 0; r < rows; r += DOT_ROWS) {
#define ROWS(n)                                                 \
  case n:                                                       \
    if (keys == DOT_APART) dot_keys_apart(type, n, apart, &b);  \
    if (keys == DOT_NEIGHBOURS) dot_key_after_key(type, n, &b); \
    if (keys == DOT_ONE) dot_one(type, n, &b);                  \
    break;
    switch (rapt_min(rows - r, DOT_ROWS)) { EACH_DOT_ROWS(ROWS) }
#undef ROWS
    b.queries += DOT_ROWS * b.query_stride;
    b.scores += DOT_ROWS * b.score_stride;
  }
}

// DOT_KEYS keys at once, which are as many streams: one alone is 20 % slower on a Zen 3.
ALWAYS_INLINE void dots_in_streams(const int type, int64_t rows, int64_t key_count, stream s, dot_block_of b) {
  // An odd number of keys: streams an even number apart would meet in few sets of L1.
  int64_t apart = key_count / DOT_KEYS;
  if (apart % 2 == 0) apart--;
  int64_t far = apart > 1 ? apart : 0, k = far * DOT_KEYS;
  b.key = s.first;
  b.key_stride = s.stride;
#pragma GCC unroll 1
  for (int64_t i = 0; i < far; i++) dots_at(type, DOT_APART, rows, i, apart, b);
#pragma GCC unroll 1
  for (; k + DOT_KEYS <= key_count; k += DOT_KEYS) dots_at(type, DOT_NEIGHBOURS, rows, k, apart, b);
#pragma GCC unroll 1
  for (; k < key_count; k++) dots_at(type, DOT_ONE, rows, k, apart, b);
}

#endif

#endif
