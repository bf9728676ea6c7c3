// SPDX-License-Identifier: Apache-2.0
// rapt_sdpa_*: validate, plan, run.
#include <stdio.h>
#include <string.h>

#include "cpu/sdpa/sdpa.h"
#include "cpu/sdpa/parts.h"
#include "base/error.h"
#include "call/params.h"
#include "call/validate.h"

static rapt_status prepare(const rapt_context *context, const rapt_sdpa *call, rapt_sdpa_problem *problem,
                           rapt_cpu_sdpa *geometry, rapt_error *error) {
  rapt_status status = rapt_sdpa_validate(call, problem, error);
  if (status == RAPT_OK) status = rapt_check_no_stream(problem->call.stream, error);
  if (status != RAPT_OK) return status;
  if (!rapt_cpu_plan_sdpa(context, problem, geometry)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "the sizes multiply to more scratch than 64 bits can count");
  }
  return RAPT_OK;
}

rapt_status rapt_sdpa_plan(const rapt_context *context, const rapt_sdpa *call, rapt_plan *plan,
                                rapt_error *error) {
  rapt_sdpa_problem problem;
  rapt_cpu_sdpa geometry;
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  if (context->backend != NULL) return context->backend->sdpa_plan(context->state, call, plan, error);
  rapt_status status = rapt_check_output(plan, "rapt_plan", error);
  if (status == RAPT_OK) status = prepare(context, call, &problem, &geometry, error);
  if (status != RAPT_OK) return status;
  char name[sizeof plan->name];
  rapt_cpu_name_sdpa(context, &problem, &geometry, name, sizeof name);
  rapt_write_plan(context, geometry.scratch, geometry.share.slots, name, plan);
  return RAPT_OK;
}

// Task t merges and writes one panel of the prefill path.
static void merge_task(void *argument, int64_t task, int32_t slot) {
  const rapt_sdpa_job *job = argument;
  const rapt_cpu_sdpa *g = job->geometry;
  const rapt_sdpa_problem *problem = job->problem;
  int64_t unit = task / g->panels, row = task % g->panels * job->partials.width;
  int64_t left = problem->rows - row, width = job->partials.width, first = task * g->splits;
  rapt_sdpa_lanes lanes;
  rapt_sdpa_lanes_fill(problem, unit / problem->call.kv_heads, unit % problem->call.kv_heads, row,
                  left < width ? left : width, width, &lanes);
  rapt_sdpa_partials_merge(&job->partials, problem, g->path, first, g->splits);
  rapt_arena arena = {.base = job->slots + slot * g->slot_scratch};
  rapt_sdpa_prefill_slot scratch;
  rapt_sdpa_prefill_slot_lay(&arena, job->context, problem, g, &scratch);
  rapt_sdpa_finish(&job->context->kernels, problem, &lanes, g->path, job->partials.maximum + first * width,
              job->partials.sum + first * width, job->partials.output + first * job->partials.output_size,
              scratch.rows);
}

void rapt_cpu_execute_sdpa(rapt_context *context, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *g, void *memory) {
  if (g->path == RAPT_SDPA_EMPTY) return;
  rapt_sdpa_job job = {.context = context, .problem = problem, .geometry = g, .slots = memory};
  rapt_arena arena = {.base = job.slots + g->share.slots * g->slot_scratch};
  rapt_sdpa_partials_lay(&arena, context, problem, g, &job.partials);
  if (g->path == RAPT_SDPA_DECODE) {
    rapt_sdpa_decode_begin(&job);
    rapt_parallel(context->pool, g->tasks, g->share, rapt_sdpa_decode_task, &job);
    return;
  }
  rapt_parallel(context->pool, g->tasks, g->share, rapt_sdpa_prefill_task, &job);
  if (g->splits > 1) rapt_parallel(context->pool, g->units * g->panels, g->share, merge_task, &job);
}

rapt_status rapt_sdpa_run(rapt_context *context, const rapt_sdpa *call, rapt_error *error) {
  rapt_sdpa_problem problem;
  rapt_cpu_sdpa geometry;
  rapt_call_memory memory;
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  if (context->backend != NULL) return context->backend->sdpa_run(context->state, call, error);
  rapt_status status = prepare(context, call, &problem, &geometry, error);
  if (status != RAPT_OK) return status;
  status = rapt_call_memory_begin(context, problem.call.scratch, problem.call.scratch_size, geometry.scratch, &memory,
                                  error);
  if (status != RAPT_OK) return status;
  rapt_cpu_execute_sdpa(context, &problem, &geometry, memory.base);
  rapt_call_memory_end(context, &memory);
  return RAPT_OK;
}

rapt_status rapt_sdpa_run_held(rapt_context *context, const rapt_sdpa *call, rapt_error *error,
                                    const void *query, const void *key, const void *value, const void *output,
                                    const void *mask, const void *bias, const void *alibi_slopes, const void *sinks,
                                    const void *lse, const void *weights, const void *key_scale,
                                    const void *value_scale) {
  (void)query, (void)key, (void)value, (void)output, (void)mask, (void)bias;
  (void)alibi_slopes, (void)sinks, (void)lse, (void)weights, (void)key_scale, (void)value_scale;
  return rapt_sdpa_run(context, call, error);
}
