// SPDX-License-Identifier: Apache-2.0
// The second way of reading keys where a vector has a lane for each sum of a block: DOT_KEYS streams far apart, for any
// number of rows. How many lines the out-of-order window spans decides how fast memory is read, that is how few
// instructions come with a line; so a block's sums become one vector and one store. Included by dots_streams.h.
#ifndef RAPT_CPU_KERNELS_DOTS_APART_H
#define RAPT_CPU_KERNELS_DOTS_APART_H

// Scores are kept until they fill a line of each row and stream: all these lines may be in the same set of L1, which
// would lose them from one block to the next.
#define DOT_KEPT V_LANES
// kept_scores[rows / DOT_ROWS][block]: the scores of a block, [row][key].
typedef float kept_scores[RAPT_DECODE_WIDTH / DOT_ROWS][DOT_KEPT][DOT_ROWS * DOT_KEYS] __attribute__((aligned(64)));

_Static_assert(DOT_ROWS *DOT_KEYS == V_LANES, "a vector has a lane for each sum of a block");

// DOT_KEYS keys far apart, at once.
ALWAYS_INLINE void dot_keys_apart(const int type, const int rows, const dot_block_of *b, float *kept) {
  vf sum[DOT_ROWS * DOT_KEYS];
  dot_sums(type, rows, DOT_KEYS, b, sum);
  if (rows == DOT_ROWS) {
    v_store(kept, v_sum16(sum));
  } else {
    dot_finish(rows, DOT_KEYS, sum, kept, DOT_KEYS);
  }
}

ALWAYS_INLINE void dot_rows_apart(const int type, int64_t rows, dot_block_of b, int64_t block, kept_scores kept) {
  for (int64_t r = 0; r < rows; r += DOT_ROWS) {
#define ROWS(n)                                             \
  case n:                                                   \
    dot_keys_apart(type, n, &b, kept[r / DOT_ROWS][block]); \
    break;
    switch (rapt_min(rows - r, DOT_ROWS)) { EACH_DOT_ROWS(ROWS) }
#undef ROWS
    b.queries += DOT_ROWS * b.query_stride;
  }
}

// The kept scores of some blocks go where they belong.
ALWAYS_INLINE void dot_spread(int64_t rows, int64_t blocks, int64_t apart, kept_scores kept, float *scores,
                              int64_t stride) {
  for (int64_t r = 0; r < rows; r += DOT_ROWS) {
    vf line[V_LANES];
#pragma GCC unroll 16
    for (int i = 0; i < V_LANES; i++) line[i] = v_load(kept[r / DOT_ROWS][i]);
    v_transpose(line);
#pragma GCC unroll 16
    for (int i = 0; i < V_LANES; i++) {
      if (r + i / DOT_KEYS < rows) {
        v_store_n(scores + (r + i / DOT_KEYS) * stride + i % DOT_KEYS * apart, line[i], blocks);
      }
    }
  }
}

// DOT_KEYS times as many keys as streams are apart.
ALWAYS_INLINE void dots_apart(const int type, int64_t rows, int64_t apart, dot_block_of b) {
  kept_scores kept = {{{0}}};
  int64_t next = b.key_stride;
  b.key_stride *= apart;
  for (int64_t k = 0; k < apart; k += DOT_KEPT) {
    int64_t blocks = rapt_min(DOT_KEPT, apart - k);
#pragma GCC unroll 1
    for (int64_t i = 0; i < blocks; i++, b.key += next) dot_rows_apart(type, rows, b, i, kept);
    dot_spread(rows, blocks, apart, kept, b.scores + k, b.score_stride);
  }
}

// Streams are an odd number of keys apart: an even number apart they would meet in few sets of L1. What they leave over
// is a block or two, read by requests.
ALWAYS_INLINE void dots_in_streams(const int type, int64_t rows, int64_t key_count, stream s, dot_block_of b) {
  int64_t apart = key_count / DOT_KEYS;
  if (apart % 2 == 0) apart--;
  if (apart > 1) {
    b.key = s.first;
    b.key_stride = s.stride;
    dots_apart(type, rows, apart, b);
    s.first += apart * DOT_KEYS * s.stride;
    b.scores += apart * DOT_KEYS;
    key_count -= apart * DOT_KEYS;
  }
  dots_as(type, rows, key_count, s, b);
}

#endif
