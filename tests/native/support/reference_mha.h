// SPDX-License-Identifier: Apache-2.0
// Multi-head attention as the composition of the reference's projections and attention.
#ifndef RAPT_TESTS_SUPPORT_REFERENCE_MHA_H
#define RAPT_TESTS_SUPPORT_REFERENCE_MHA_H

#include <rapt/rapt.h>
#include <stdint.h>

#include "reference.h"

// What rapt_mha's handles were made from; output.weight is absent where there is no output projection.
typedef struct reference_projections {
  rapt_linear_parameters query, key, value, output;
} reference_projections;

// kv_len and the appended keys.
int64_t reference_mha_total(const rapt_mha *call);

// output (batch, query_len, width), lse (batch, query_heads, query_len), weights (batch, query_heads, query_len,
// total), or (batch, query_len, total) where averaged; all dense. weights may be NULL.
void reference_mha(const rapt_mha *call, const reference_projections *projections, const reference_attended *to);

#endif
