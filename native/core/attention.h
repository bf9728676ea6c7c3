// SPDX-License-Identifier: Apache-2.0
// Scaled dot-product attention inside the library: validate -> plan -> run.
//
// Query rows. The group x query_len rows that read one kv head are numbered query-major (row = query * group + head
// within the group), so that neighbouring rows see nearly the same keys, and K and V are read once for all of them.
#ifndef RAPT_CORE_ATTENTION_H
#define RAPT_CORE_ATTENTION_H

#include "core/context.h"
#include "rapt/rapt.h"

// A validated call, with what multi-head attention adds to it.
typedef struct rapt_problem {
  rapt_attention call;
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
  // or by the softmax where nothing does (softmax_scale, > 0). The other one is 1.
  float score_scale;
  float softmax_scale;
  // softmax_scale * log2(e): from a difference of scores to an exponent of 2.
  float to_exponent;
} rapt_problem;

// Fills *problem from a caller's struct.
rapt_status rapt_attention_validate(const rapt_attention *call, rapt_problem *problem, rapt_error *error);
// Sets the derived fields from `call`; for callers inside the library, whose tensors need no check.
void rapt_problem_derive(rapt_problem *problem);

typedef enum rapt_path { RAPT_PATH_EMPTY, RAPT_PATH_PREFILL, RAPT_PATH_DECODE } rapt_path;

// How a problem runs. A pure function of the problem, the tier and the number of threads; the result's bits do not
// depend on the latter, because key tiles and splits do not.
typedef struct rapt_geometry {
  rapt_path path;
  // Keys per tile, and the split of all keys: chunk is a multiple of key_tile.
  int64_t key_tile;
  int64_t chunk;
  int64_t splits;
  // (batch, kv head) pairs.
  int64_t units;
  // Prefill: panels of query rows per unit, and how many of them one task takes.
  int64_t panels;
  int64_t task_panels;
  int64_t blocks;
  int64_t tasks;
  int32_t slots;
  // Bytes.
  int64_t slot_scratch;
  int64_t partial_scratch;
  int64_t scratch;
} rapt_geometry;

// Returns 0 where sizes overflow.
int rapt_attention_geometry(const rapt_context *context, const rapt_problem *problem, rapt_geometry *geometry);
void rapt_attention_name(const rapt_context *context, const rapt_problem *problem, const rapt_geometry *geometry,
                         char *out, size_t size);

// memory holds geometry->scratch bytes.
void rapt_attention_execute(rapt_context *context, const rapt_problem *problem, const rapt_geometry *geometry,
                            void *memory);

#endif
