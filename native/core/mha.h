// SPDX-License-Identifier: Apache-2.0
// Multi-head attention inside the library: three projections, attention, and a projection back.
#ifndef RAPT_CORE_MHA_H
#define RAPT_CORE_MHA_H

#include "core/attention.h"
#include "core/linear.h"
#include "core/mha_problem.h"

// Query rows whose weights are averaged over heads at a time: the scratch is query_heads x this x total_len.
#define RAPT_AVERAGE_ROWS 64

typedef struct rapt_mha_geometry {
  // Query, key and value.
  rapt_projection_group inputs;
  rapt_projection_group output;
  // Of the whole attention, or with averaged weights of a full block of query rows.
  rapt_geometry attention;
  // Bytes: what the four projections and the attention need one after the other, and all.
  int64_t shared;
  int64_t scratch;
} rapt_mha_geometry;

// Lays the projected heads out as attention reads them best; before the plan.
void rapt_mha_part_heads(const rapt_context *context, rapt_mha_problem *problem);

// Returns 0 where sizes overflow.
int rapt_mha_plan_geometry(const rapt_context *context, const rapt_mha_problem *problem, rapt_mha_geometry *geometry);

// Lays the scratch out and points the projections and the attention at it; returns the shared part.
void *rapt_mha_place(rapt_arena *arena, const rapt_mha_geometry *geometry, rapt_mha_problem *problem,
                     float **head_weights);

void rapt_mha_execute(rapt_context *context, rapt_mha_problem *problem, const rapt_mha_geometry *geometry,
                      void *memory);

#endif
