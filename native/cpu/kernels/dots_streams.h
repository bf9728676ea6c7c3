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

ALWAYS_INLINE dot_block_of dot_block_at(const dot_block_of *all, int64_t key) {
  dot_block_of b = *all;
  b.key += key * b.key_stride;
  b.scores += key;
  return b;
}

ALWAYS_INLINE void dots_rows_in_streams(const int type, const int rows, int64_t key_count, const dot_block_of *all) {
  // An odd number of rows: streams an even number apart would meet in few sets of L1.
  int64_t part = key_count / DOT_KEYS;
  if (part % 2 == 0) part--;
  int64_t apart = part > 1 ? part * DOT_KEYS : 0, k = 0;
#pragma GCC unroll 1
  for (; k < apart / DOT_KEYS; k++) {
    dot_block_of b = dot_block_at(all, k);
    dot_keys_apart(type, rows, part, &b);
  }
#pragma GCC unroll 1
  for (k = apart; k + DOT_KEYS <= key_count; k += DOT_KEYS) {
    dot_block_of b = dot_block_at(all, k);
    dot_key_after_key(type, rows, &b);
  }
#pragma GCC unroll 1
  for (; k < key_count; k++) {
    dot_block_of b = dot_block_at(all, k);
    dot_one(type, rows, &b);
  }
}

// Few rows at DOT_KEYS keys at once, which are as many streams: one alone is 20 % slower on a Zen 3.
ALWAYS_INLINE void dots_in_streams(const int type, int64_t rows, int64_t key_count, stream s, dot_block_of b) {
  b.key = s.first;
  b.key_stride = s.stride;
  switch (rows) {
    case 1:
      dots_rows_in_streams(type, 1, key_count, &b);
      break;
    case 2:
      if (DOT_STREAM_ROWS(type, b.depth) >= 2) dots_rows_in_streams(type, 2, key_count, &b);
      break;
    case 3:
      if (DOT_STREAM_ROWS(type, b.depth) >= 3) dots_rows_in_streams(type, 3, key_count, &b);
      break;
    default:
      if (DOT_STREAM_ROWS(type, b.depth) >= 4) dots_rows_in_streams(type, 4, key_count, &b);
  }
}

#endif

#endif
