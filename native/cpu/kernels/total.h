// SPDX-License-Identifier: Apache-2.0
// Adds the output of a panel to its total in double. The loop is plain: the compiler makes vectors of it, and since
// nothing is contracted or put into another order, every tier gives the same bits.
#ifndef RAPT_CPU_KERNELS_TOTAL_H
#define RAPT_CPU_KERNELS_TOTAL_H

#include <stdint.h>

static void add_to_total(int64_t depth, int64_t width, const double *keep, const double *take,
                         const float *restrict output, double *restrict total) {
  for (int64_t d = 0; d < depth; d++, output += width, total += width) {
    for (int64_t r = 0; r < width; r++) total[r] = total[r] * keep[r] + (double)output[r] * take[r];
  }
}

#endif
