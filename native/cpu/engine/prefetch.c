// SPDX-License-Identifier: Apache-2.0
#include "cpu/engine/prefetch.h"

#include <stddef.h>

#include "base/arithmetic.h"
#include "cpu/engine/rows.h"

#define CACHE_LINE 64

void rapt_prefetch_clear(rapt_prefetch *ahead) {
  ahead->count = ahead->part = 0;
  ahead->row = ahead->lines = ahead->step = 0;
}

void rapt_prefetch_add(rapt_prefetch *ahead, const rapt_tensor *t, int64_t i0, int64_t i1, int64_t row, int64_t rows,
                       int64_t depth, int write) {
  // Elements that are far apart are slow for other reasons.
  if (t->data == NULL || t->stride[3] != 1 || rows <= 0 || ahead->count == RAPT_PREFETCH_PARTS) return;
  int64_t element = rapt_element_size(t->dtype);
  ahead->parts[ahead->count++] = (rapt_prefetch_part){.first = rapt_row(t, i0, i1, row),
                                                      .stride = t->stride[2] * element,
                                                      .size = depth * element,
                                                      .rows = rows,
                                                      .write = write};
  ahead->lines += rows * rapt_ceil_div(depth * element, CACHE_LINE);
}

void rapt_prefetch_spread(rapt_prefetch *ahead, int64_t steps) {
  ahead->step = rapt_ceil_div(ahead->lines, rapt_max(steps, 1));
}

void rapt_prefetch_step(rapt_prefetch *ahead) {
  for (int64_t left = ahead->step; left > 0 && ahead->part < ahead->count;) {
    const rapt_prefetch_part *part = &ahead->parts[ahead->part];
    const char *row = part->first + ahead->row * part->stride;
    for (int64_t at = 0; at < part->size; at += CACHE_LINE, left--) {
      // To L2, from where the kernels' own order is fast; what is written is written soon, and once.
      if (part->write) {
        __builtin_prefetch(row + at, 1, 3);
      } else {
        __builtin_prefetch(row + at, 0, 2);
      }
    }
    if (++ahead->row == part->rows) {
      ahead->row = 0;
      ahead->part++;
    }
  }
}
