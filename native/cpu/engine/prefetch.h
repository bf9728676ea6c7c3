// SPDX-License-Identifier: Apache-2.0
// Asking for rows of memory before they are needed, a little between one piece of arithmetic and the next: all at once
// they would fill the core's miss buffers and hold up the loads of the work at hand.
#ifndef RAPT_CPU_ENGINE_PREFETCH_H
#define RAPT_CPU_ENGINE_PREFETCH_H

#include "rapt/rapt.h"

// Enough for K, V, and the queries and outputs of a group of 16 heads; what is more is not asked for.
#define RAPT_PREFETCH_PARTS 34

typedef struct rapt_prefetch_part {
  const char *first;
  // Bytes.
  int64_t stride;
  int64_t size;
  int64_t rows;
  int write;
} rapt_prefetch_part;

typedef struct rapt_prefetch {
  rapt_prefetch_part parts[RAPT_PREFETCH_PARTS];
  int count;
  // Where we are.
  int part;
  int64_t row;
  // Cache lines: in all, and per step.
  int64_t lines;
  int64_t step;
} rapt_prefetch;

void rapt_prefetch_clear(rapt_prefetch *ahead);
// Rows (i0, i1, row .. row + rows) of `depth` elements, to be written or only read.
void rapt_prefetch_add(rapt_prefetch *ahead, const rapt_tensor *tensor, int64_t i0, int64_t i1, int64_t row,
                       int64_t rows, int64_t depth, int write);
// Spreads what has been added over this many steps.
void rapt_prefetch_spread(rapt_prefetch *ahead, int64_t steps);
void rapt_prefetch_step(rapt_prefetch *ahead);

#endif
