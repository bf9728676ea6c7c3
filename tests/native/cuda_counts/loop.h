// SPDX-License-Identifier: Apache-2.0
// The loop in which a kernel does its work, and what one round of it takes.
#ifndef RAPT_TESTS_CUDA_COUNTS_LOOP_H
#define RAPT_TESTS_CUDA_COUNTS_LOOP_H

#include "code.h"

// Instructions of one warp.
struct loop_counts {
  int all;
  // mma.sync, ldmatrix, the special functions (exponentials), cp.async, f32 multiply-adds.
  int mma;
  int ldmatrix;
  int special;
  int copies;
  int fma;
};

// Of the loop of which tensor-core instructions, or where there are none f32 multiply-adds, are the largest share: the
// way from its head back to there that does all of its products and copies in the fewest instructions. So it is that of
// a plain tile with another one after it: nothing is masked, no value is infinite, no maximum moves. All 0 where there
// is no such loop.
loop_counts count_loop(const kernel_code &kernel);

#endif
