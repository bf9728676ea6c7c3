// SPDX-License-Identifier: Apache-2.0
// Multi-head attention inside the library: three projections, attention, and a projection back.
#ifndef RAPT_CORE_MHA_H
#define RAPT_CORE_MHA_H

#include "core/attention.h"
#include "core/linear.h"

// Query rows whose weights are averaged over heads at a time: the scratch is query_heads x this x total_len.
#define RAPT_AVERAGE_ROWS 64

typedef struct rapt_mha_problem {
  rapt_mha call;
  int64_t head_dim;
  int64_t value_dim;
  // kv_len with the appended keys.
  int64_t total_len;
  int averaged;
  // Without data pointers until rapt_mha_place; the rest is final.
  rapt_projection query;
  rapt_projection key;
  rapt_projection value;
  rapt_projection output;
  rapt_problem attention;
} rapt_mha_problem;

typedef struct rapt_mha_geometry {
  rapt_projection_geometry query;
  rapt_projection_geometry key;
  rapt_projection_geometry value;
  rapt_projection_geometry output;
  // Of the whole attention, or with averaged weights of a full block of query rows.
  rapt_geometry attention;
  // Bytes: what the four projections and the attention need one after the other, and all.
  int64_t shared;
  int64_t scratch;
} rapt_mha_geometry;

rapt_status rapt_mha_validate(const rapt_context *context, const rapt_mha *call, rapt_mha_problem *problem,
                              rapt_error *error);

// Returns 0 where sizes overflow.
int rapt_mha_plan_geometry(const rapt_context *context, const rapt_mha_problem *problem, rapt_mha_geometry *geometry);

// Lays the scratch out and points the projections and the attention at it; returns the shared part.
void *rapt_mha_place(rapt_arena *arena, const rapt_mha_geometry *geometry, rapt_mha_problem *problem,
                     float **head_weights);

// The attention of query rows first .. first + count of one batch entry, its weights per head going to head_weights.
void rapt_mha_slice(const rapt_mha_problem *problem, int64_t batch, int64_t first, int64_t count, float *head_weights,
                    rapt_problem *slice);

void rapt_mha_execute(rapt_context *context, rapt_mha_problem *problem, const rapt_mha_geometry *geometry,
                      void *memory);

#endif
