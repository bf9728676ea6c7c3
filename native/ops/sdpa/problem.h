// SPDX-License-Identifier: Apache-2.0
// A validated attention call: what every device starts from.
#ifndef RAPT_OPS_SDPA_PROBLEM_H
#define RAPT_OPS_SDPA_PROBLEM_H

#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

// A validated call, with what multi-head attention adds to it.
typedef struct rapt_sdpa_problem {
  rapt_sdpa call;
  // Keys at the end of key and value, inside kv_len, that are visible to every row: masks, bias, causality, window and
  // ALiBi cover only the first kv_len - appended_keys.
  int64_t appended_keys;
  // (batch, kv_len - appended_keys), bool, true = ignored.
  rapt_tensor key_padding;
  // Derived.
  int64_t group;
  int64_t rows;
  // Of the first query, where the call is a slice of a longer one.
  int64_t first_query;
  // The scale is applied once, as late as it can be: to the scores before anything else happens to them (score_scale),
  // or by the softmax where nothing does (softmax_scale, > 0). The other one is 1, but for scales near FLT_MAX.
  float score_scale;
  float softmax_scale;
  // softmax_scale * log2(e): from a difference of scores to an exponent of 2.
  float to_exponent;
} rapt_sdpa_problem;

// Fills *problem from a caller's struct.
rapt_status rapt_sdpa_validate(const rapt_sdpa *call, rapt_sdpa_problem *problem, rapt_error *error);
// Sets the derived fields from `call`; for callers inside the library, whose tensors need no check.
void rapt_sdpa_derive(rapt_sdpa_problem *problem);

#ifdef __cplusplus
}
#endif

#endif
