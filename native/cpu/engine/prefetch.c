// SPDX-License-Identifier: Apache-2.0
#include "cpu/engine/prefetch.h"

#include "base/arithmetic.h"

#define CACHE_LINE 64

void rapt_prefetch_clear(rapt_prefetch *prefetch) {
  prefetch->count = prefetch->part = 0;
  prefetch->row = prefetch->lines = prefetch->step = 0;
}

void rapt_prefetch_add(rapt_prefetch *prefetch, rapt_prefetch_rows rows) {
  if (rows.rows <= 0 || prefetch->count == RAPT_PREFETCH_PARTS) return;
  prefetch->parts[prefetch->count++] = rows;
  prefetch->lines += rows.rows * rapt_ceil_div(rows.size, CACHE_LINE);
}

void rapt_prefetch_spread(rapt_prefetch *prefetch, int64_t steps) {
  prefetch->step = rapt_ceil_div(prefetch->lines, rapt_max(steps, 1));
}

void rapt_prefetch_step(rapt_prefetch *prefetch) {
  for (int64_t left = prefetch->step; left > 0 && prefetch->part < prefetch->count;) {
    const rapt_prefetch_rows *part = &prefetch->parts[prefetch->part];
    const char *row = (const char *)part->first + prefetch->row * part->stride;
    for (int64_t at = 0; at < part->size; at += CACHE_LINE, left--) {
      // Rows that are read go to L2, which is close enough for the kernels' order of reading. Rows that are written go
      // to L1: they are written soon, and once.
      if (part->write) {
        __builtin_prefetch(row + at, 1, 3);
      } else {
        __builtin_prefetch(row + at, 0, 2);
      }
    }
    if (++prefetch->row == part->rows) {
      prefetch->row = 0;
      prefetch->part++;
    }
  }
}
