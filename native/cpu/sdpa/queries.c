// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/queries.h"

#include <math.h>

// Products and sums of bf16 pairs below 2^-126 are 0: of up to 1024 that shows in no score, unless the scale is beyond
// this.
#define MOST_PAIR_SCALE 0x1p90f

void rapt_sdpa_queries_fill(const rapt_sdpa_problem *problem, int64_t batch, int64_t kv_head, int64_t row,
                            int64_t count, int64_t width, rapt_sdpa_queries *queries) {
  queries->batch = batch;
  queries->count = count;
  queries->width = width;
  int64_t query = row / problem->group, member = row % problem->group;
  for (int64_t r = 0; r < count; r++) {
    queries->head[r] = kv_head * problem->group + member;
    queries->query[r] = query;
    // Counted on instead of divided: a panel's 64 divisions would cost as much as packing its queries.
    if (++member == problem->group) {
      member = 0;
      query++;
    }
  }
}

int rapt_sdpa_takes_pairs(const rapt_kernels *kernels, const rapt_sdpa_problem *problem) {
  const rapt_sdpa *c = &problem->call;
  return kernels->multiply_pairs != NULL && c->query.dtype == RAPT_BF16 && c->key.dtype == RAPT_BF16 &&
         fabsf(problem->score_scale) * problem->softmax_scale <= MOST_PAIR_SCALE;
}
