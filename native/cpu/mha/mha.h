// SPDX-License-Identifier: Apache-2.0
// Multi-head attention on the CPU: three projections, attention, and a projection back.
#ifndef RAPT_CPU_MHA_MHA_H
#define RAPT_CPU_MHA_MHA_H

#include "cpu/linear/linear.h"
#include "cpu/sdpa/sdpa.h"
#include "ops/mha/problem.h"

// Query rows whose weights are averaged over heads at a time: scratch holds query_heads x RAPT_AVERAGE_ROWS x total_len
// floats.
#define RAPT_AVERAGE_ROWS 64

typedef struct rapt_cpu_mha {
  // Query, key and value.
  rapt_cpu_linears inputs;
  rapt_cpu_linears output;
  // The plan of the whole attention or, with averaged weights, of a full block of query rows.
  rapt_cpu_sdpa attention;
  // Bytes: the block that the four projections and the attention use in turn, and all scratch.
  int64_t shared;
  int64_t scratch;
} rapt_cpu_mha;

_Static_assert(sizeof(rapt_cpu_mha) <= RAPT_PLAN_ROOM, "a call's room");

extern const rapt_device_operation rapt_cpu_mha_operation;

// Chooses the layout of the projected heads that attention reads best. Comes before the plan.
void rapt_cpu_mha_part_heads(const rapt_cpu_context *context, rapt_mha_problem *problem);

// Returns 0 where sizes overflow.
int rapt_cpu_plan_mha(const rapt_cpu_context *context, const rapt_mha_problem *problem, rapt_cpu_mha *plan);

// Lays the scratch out and points the projections and the attention at it; returns the shared part.
void *rapt_cpu_mha_place(rapt_arena *arena, const rapt_cpu_mha *plan, rapt_mha_problem *problem, float **head_weights);

void rapt_cpu_execute_mha(rapt_cpu_context *context, rapt_mha_problem *problem, const rapt_cpu_mha *plan, void *memory);

#endif
