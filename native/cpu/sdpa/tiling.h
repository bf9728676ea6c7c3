// SPDX-License-Identifier: Apache-2.0
// What decides the order of a result's sums: path, key tiles, chunks and stretches. They follow from the tier, the
// options and the sizes of one sample, and so a sample has the same bits in any batch.
#ifndef RAPT_CPU_SDPA_TILING_H
#define RAPT_CPU_SDPA_TILING_H

#include "cpu/sdpa/sdpa.h"

// Tasks per thread that keep all threads busy to the end, and the fewest panels of a task: with fewer it would bring K
// and V to L2 for too little work.
#define RAPT_SDPA_TASKS_PER_THREAD 4
#define RAPT_SDPA_LEAST_PANELS 4

// The keys are split where there are at most RAPT_SDPA_SPLIT_ROWS query rows and at least RAPT_SDPA_SPLIT_KEYS keys.
// The smallest chunk, and the most chunks: sixteen keep all cores of a large machine busy at a few kv heads, and bound
// the partial results.
#define RAPT_SDPA_SPLIT_ROWS 128
#define RAPT_SDPA_SPLIT_KEYS 1024
#define RAPT_SDPA_LEAST_CHUNK 512
#define RAPT_SDPA_MOST_SPLITS 16

// Whether few rows take the decode path: its kernels read vectors along the head dimension, and only prefill writes a
// weights output.
static inline int rapt_sdpa_may_decode(const rapt_sdpa *c) {
  return !rapt_is_present(&c->weights) && c->key.stride[3] == 1 && c->value.stride[3] == 1;
}

// Sets path, key_tile, chunk, splits and stretch, and for decode pass_keys and score_stride, from the rows and keys of
// one sample.
void rapt_sdpa_choose_tiles(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, rapt_cpu_sdpa *plan);

#endif
