// SPDX-License-Identifier: Apache-2.0
// Asking for rows of memory before they are needed, a little between one piece of arithmetic and the next: all at once
// they would fill the core's miss buffers and hold up the loads of the work at hand.
#ifndef RAPT_CORE_AHEAD_H
#define RAPT_CORE_AHEAD_H

#include "rapt/rapt.h"

// Enough for K, V, and the queries and outputs of a group of 16 heads; what is more is not asked for.
#define RAPT_AHEAD_PARTS 34

typedef struct rapt_ahead_part {
  const char *first;
  // Bytes.
  int64_t stride;
  int64_t size;
  int64_t rows;
  int write;
} rapt_ahead_part;

typedef struct rapt_ahead {
  rapt_ahead_part parts[RAPT_AHEAD_PARTS];
  int count;
  // Where we are.
  int part;
  int64_t row;
  // Cache lines: in all, and per step.
  int64_t lines;
  int64_t step;
} rapt_ahead;

void rapt_ahead_clear(rapt_ahead *ahead);
// Rows (i0, i1, row .. row + rows) of `depth` elements, to be written or only read.
void rapt_ahead_add(rapt_ahead *ahead, const rapt_tensor *tensor, int64_t i0, int64_t i1, int64_t row, int64_t rows,
                    int64_t depth, int write);
// Spreads what has been added over this many steps.
void rapt_ahead_spread(rapt_ahead *ahead, int64_t steps);
void rapt_ahead_step(rapt_ahead *ahead);

#endif
