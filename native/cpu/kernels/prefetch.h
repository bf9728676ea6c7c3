// SPDX-License-Identifier: Apache-2.0
// How the decode kernels prefetch the rows of K and V that they stream through.
#ifndef RAPT_CPU_KERNELS_PREFETCH_H
#define RAPT_CPU_KERNELS_PREFETCH_H

#include <stdint.h>

#include "cpu/kernels/tile.h"

// The out-of-order window alone has too few loads in flight to keep the memory busy, so rows are prefetched this many
// bytes ahead, and farther for narrow dtypes, where a byte means more arithmetic. Beyond a tile's last row that is the
// start of the next tile. How it is done matters more than the distance: hardware prefetchers follow one instruction
// that goes through all lines in order, and lose a stream that several instructions share or that has gaps. A few lines
// between two steps of the arithmetic keep the memory busier than as many lines at once.
#define DISTANCE_BYTES 8192
#define DISTANCE_BYTES_NARROW 10240
#define DISTANCE_BYTES_MANY_QUERIES 14336
#define MANY_QUERIES 4
#define BYTES_BURST 2048
#define CACHE_LINE 64

// Rows of `depth` elements, `stride` bytes apart, that a kernel streams through.
typedef struct stream {
  const char *first;
  int64_t stride;
  int64_t bytes;
  // How many rows ahead of the current one are prefetched.
  int64_t distance;
} stream;

static inline stream stream_of(const void *rows, int64_t stride, int64_t depth, int64_t size) {
  stream s = {.first = rows, .stride = stride * size, .bytes = depth * size};
  s.distance = ((size == 4 ? DISTANCE_BYTES : DISTANCE_BYTES_NARROW) + s.bytes - 1) / s.bytes;
  return s;
}

// The same where each row is multiplied by so many queries.
static inline stream stream_with(int64_t queries, const void *rows, int64_t stride, int64_t depth, int64_t size) {
  stream s = stream_of(rows, stride, depth, size);
  if (size < 4 && queries >= MANY_QUERIES) s.distance = (DISTANCE_BYTES_MANY_QUERIES + s.bytes - 1) / s.bytes;
  return s;
}

// The lines of some rows that are yet to be prefetched.
typedef struct prefetch {
  const char *next;
  // Lines left of the current row, rows after it, lines of each row, and bytes from a row's last line to the next row.
  int64_t lines;
  int64_t rows;
  int64_t row_lines;
  int64_t gap;
} prefetch;

static inline int64_t line_count(int64_t bytes) { return (bytes + CACHE_LINE - 1) / CACHE_LINE; }

static inline prefetch prefetch_start(const stream *s, int64_t row, int64_t count) {
  int64_t bytes = s->bytes;
  prefetch q = {.next = s->first + (row + s->distance) * s->stride};
  // Contiguous rows count as one long row.
  if (bytes == s->stride) {
    bytes *= count;
    count = 1;
  }
  q.lines = q.row_lines = line_count(bytes);
  q.rows = count - 1;
  q.gap = s->stride - q.row_lines * CACHE_LINE;
  return q;
}

// Up to `count` lines of one row.
ALWAYS_INLINE void prefetch_lines(prefetch *q, int64_t count) {
  if (count > q->lines) count = q->lines;
  q->lines -= count;
  // One instruction for all lines: hardware prefetchers tell streams apart by the address of the instruction.
#pragma GCC unroll 1
  for (const char *end = q->next + count * CACHE_LINE; q->next < end; q->next += CACHE_LINE) {
    __builtin_prefetch(q->next);
  }
  if (q->lines == 0 && q->rows > 0) {
    q->rows--;
    q->lines = q->row_lines;
    q->next += q->gap;
  }
}

ALWAYS_INLINE void prefetch_rest(prefetch *q) {
  while (q->lines > 0) prefetch_lines(q, q->lines);
}

#endif
