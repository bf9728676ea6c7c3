// SPDX-License-Identifier: Apache-2.0
// How the decode kernels walk over rows of K and V that come from memory.
#ifndef RAPT_CPU_KERNELS_PREFETCH_H
#define RAPT_CPU_KERNELS_PREFETCH_H

#include <stdint.h>

#include "cpu/kernels/tile.h"

// The out-of-order window alone holds too few rows in flight to keep the memory busy, so rows are asked for this many
// bytes ahead, more where a byte means more arithmetic; behind a tile's last row that is the start of the next tile.
// How they are asked for matters more than the distance: hardware prefetchers follow a single instruction that walks
// over all lines in order, and lose track of requests by several instructions and of gaps. A few lines between any two
// steps of the arithmetic keep the memory busier than as many at once.
#define AHEAD_BYTES 8192
#define AHEAD_BYTES_NARROW 10240
#define AHEAD_BYTES_MANY_QUERIES 14336
#define MANY_QUERIES 4
#define BYTES_BURST 2048
#define CACHE_LINE 64

// Rows of `depth` elements, `stride` bytes apart, that a kernel walks over.
typedef struct walk {
  const char *first;
  int64_t stride;
  int64_t bytes;
  // How many rows lie between the one at work and the one asked for.
  int64_t ahead;
} walk;

static inline walk walk_over(const void *rows, int64_t stride, int64_t depth, int64_t size) {
  walk w = {.first = rows, .stride = stride * size, .bytes = depth * size};
  w.ahead = ((size == 4 ? AHEAD_BYTES : AHEAD_BYTES_NARROW) + w.bytes - 1) / w.bytes;
  return w;
}

// The same where so many queries go with each row.
static inline walk walk_with(int64_t queries, const void *rows, int64_t stride, int64_t depth, int64_t size) {
  walk w = walk_over(rows, stride, depth, size);
  if (size < 4 && queries >= MANY_QUERIES) w.ahead = (AHEAD_BYTES_MANY_QUERIES + w.bytes - 1) / w.bytes;
  return w;
}

// The lines of some rows, on their way to being asked for.
typedef struct request {
  const char *next;
  // Lines left of the row at hand, rows behind it, lines of each, and bytes from its last line to the next row.
  int64_t lines;
  int64_t rows;
  int64_t row_lines;
  int64_t gap;
} request;

static inline int64_t line_count(int64_t bytes) { return (bytes + CACHE_LINE - 1) / CACHE_LINE; }

static inline request request_ahead(const walk *w, int64_t row, int64_t count) {
  int64_t bytes = w->bytes;
  request q = {.next = w->first + (row + w->ahead) * w->stride};
  // Rows without gaps are one long row.
  if (bytes == w->stride) {
    bytes *= count;
    count = 1;
  }
  q.lines = q.row_lines = line_count(bytes);
  q.rows = count - 1;
  q.gap = w->stride - q.row_lines * CACHE_LINE;
  return q;
}

// Up to `count` lines of one row.
ALWAYS_INLINE void ask(request *q, int64_t count) {
  if (count > q->lines) count = q->lines;
  q->lines -= count;
  // One instruction for all lines: prefetchers tell streams apart by the instruction that reads them.
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

ALWAYS_INLINE void ask_rest(request *q) {
  while (q->lines > 0) ask(q, q->lines);
}

#endif
