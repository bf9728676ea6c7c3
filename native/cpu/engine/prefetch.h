// SPDX-License-Identifier: Apache-2.0
// Prefetches rows of memory before they are needed, a few lines between one piece of arithmetic and the next. All at
// once they would fill the core's miss buffers and hold up the loads of the current work.
#ifndef RAPT_CPU_ENGINE_PREFETCH_H
#define RAPT_CPU_ENGINE_PREFETCH_H

#include <stdint.h>

// Enough for K, V, and the queries and outputs of a group of 16 heads; further parts are not prefetched.
#define RAPT_PREFETCH_PARTS 34

// Rows to be written or only read.
typedef struct rapt_prefetch_rows {
  const void *first;
  // Bytes.
  int64_t stride;
  int64_t size;
  int64_t rows;
  int write;
} rapt_prefetch_rows;

typedef struct rapt_prefetch {
  rapt_prefetch_rows parts[RAPT_PREFETCH_PARTS];
  int count;
  // The position: a part, and a row of it.
  int part;
  int64_t row;
  // Cache lines in all, and cache lines per step.
  int64_t lines;
  int64_t step;
} rapt_prefetch;

void rapt_prefetch_clear(rapt_prefetch *prefetch);
void rapt_prefetch_add(rapt_prefetch *prefetch, rapt_prefetch_rows rows);
// Spreads the rows that were added over this many steps.
void rapt_prefetch_spread(rapt_prefetch *prefetch, int64_t steps);
void rapt_prefetch_step(rapt_prefetch *prefetch);

#endif
