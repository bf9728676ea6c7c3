// SPDX-License-Identifier: Apache-2.0
// Multi-head attention, checked and taken apart into projections and one attention: what every device starts from.
#ifndef RAPT_OPS_MHA_PROBLEM_H
#define RAPT_OPS_MHA_PROBLEM_H

#include "ops/linear/problem.h"
#include "ops/sdpa/problem.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const rapt_operation rapt_operation_mha;

typedef struct rapt_mha_problem {
  rapt_mha call;
  int64_t head_dim;
  int64_t value_dim;
  // kv_len with the appended keys.
  int64_t total_len;
  int averaged;
  // The projections and the attention between them. The intermediate tensors have no data yet: the device places them,
  // and may choose another dtype than f32 for them. The rest is final.
  rapt_product query;
  rapt_product key;
  rapt_product value;
  rapt_product output;
  rapt_sdpa_problem attention;
} rapt_mha_problem;

// Makes *slice the attention of query rows first .. first + count of one batch entry, which writes its weights per head
// to head_weights, (query_heads, head_rows, total_len).
void rapt_mha_slice(const rapt_mha_problem *problem, int64_t batch, int64_t first, int64_t count, float *head_weights,
                    int64_t head_rows, rapt_sdpa_problem *slice);

#ifdef __cplusplus
}
#endif

#endif
