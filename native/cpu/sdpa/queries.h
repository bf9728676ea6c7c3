// SPDX-License-Identifier: Apache-2.0
// Query rows of one (batch, kv head), in the lanes of a panel.
#ifndef RAPT_CPU_SDPA_QUERIES_H
#define RAPT_CPU_SDPA_QUERIES_H

#include <math.h>

#include "base/tensor.h"
#include "cpu/kernels/kernels.h"
#include "ops/sdpa/problem.h"

// The query rows in the lanes of a panel.
typedef struct rapt_sdpa_queries {
  int64_t batch;
  // Lanes in use, and lanes in all.
  int64_t count;
  int64_t width;
  int64_t head[RAPT_MAX_PANEL_WIDTH];
  int64_t query[RAPT_MAX_PANEL_WIDTH];
} rapt_sdpa_queries;

// Rows row .. row + count of (batch, kv_head), as sdpa.h numbers them.
static inline void rapt_sdpa_queries_fill(const rapt_sdpa_problem *problem, int64_t batch, int64_t kv_head, int64_t row,
                                          int64_t count, int64_t width, rapt_sdpa_queries *queries) {
  queries->batch = batch;
  queries->count = count;
  queries->width = width;
  // Tiny calls notice a division.
  int64_t query = row == 0 ? 0 : row / problem->group, member = row - query * problem->group;
  for (int64_t r = 0; r < count; r++) {
    queries->head[r] = kv_head * problem->group + member;
    queries->query[r] = query;
    // Incremented, not divided: a panel's 64 divisions would cost as much as packing its queries.
    if (++member == problem->group) {
      member = 0;
      query++;
    }
  }
}

// The row of lane r in a tensor (batch, query_heads, query_len, any).
static inline void *rapt_sdpa_row_of(const rapt_tensor *t, const rapt_sdpa_queries *queries, int64_t r) {
  return rapt_row(t, queries->batch, queries->head[r], queries->query[r]);
}

// The rows of all lanes in use.
static inline void rapt_sdpa_rows_of(const rapt_tensor *t, const rapt_sdpa_queries *queries, unsigned char **rows) {
  int64_t size = rapt_element_size(t->dtype), by_head = t->stride[1], by_query = t->stride[2];
  unsigned char *first = (unsigned char *)t->data + queries->batch * t->stride[0] * size;
  // A stride of a dimension of size 1 may be any number, which only the index 0 makes small.
  for (int64_t r = 0; r < queries->count; r++) {
    rows[r] = first + (queries->head[r] * by_head + queries->query[r] * by_query) * size;
  }
}

// The element of lane r in an f32 tensor (batch, query_heads).
static inline float rapt_sdpa_head_value(const rapt_tensor *t, const rapt_sdpa_queries *queries, int64_t r) {
  return ((const float *)t->data)[queries->batch * t->stride[0] + queries->head[r] * t->stride[1]];
}

// The instruction for bf16 pairs takes products and sums below 2^-126 as 0. With up to 1024 of them in a dot product no
// score shows that, unless the scale is larger than this.
#define RAPT_MOST_PAIR_SCALE 0x1p90f

// Whether bf16 queries and keys are multiplied as bf16 pairs.
static inline int rapt_sdpa_takes_pairs(const rapt_kernels *kernels, const rapt_sdpa_problem *problem) {
  const rapt_sdpa *c = &problem->call;
  return kernels->multiply_pairs != NULL && c->query.dtype == RAPT_BF16 && c->key.dtype == RAPT_BF16 &&
         fabsf(problem->score_scale) * problem->softmax_scale <= RAPT_MOST_PAIR_SCALE;
}

#endif
