// SPDX-License-Identifier: Apache-2.0
// Attention as parallel runs of tasks, and as an operation of the CPU.
#include "base/error.h"
#include "cpu/sdpa/parts.h"
#include "cpu/sdpa/sdpa.h"

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

void rapt_cpu_execute_sdpa(rapt_cpu_context *context, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *g,
                           void *memory) {
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

static rapt_status plan(const rapt_context *context, void *problem, void *memory, rapt_needs *needs,
                        rapt_error *error) {
  rapt_cpu_sdpa *g = memory;
  if (!rapt_cpu_plan_sdpa((const rapt_cpu_context *)context, problem, g)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "the sizes multiply to more scratch than 64 bits can count");
  }
  needs->scratch = g->scratch;
  needs->threads = g->share.slots;
  return RAPT_OK;
}

static void name(const rapt_context *context, const void *problem, const void *plan, char *out, size_t size) {
  rapt_cpu_name_sdpa((const rapt_cpu_context *)context, problem, plan, out, size);
}

static rapt_status run(rapt_context *context, void *problem, const void *plan, void *scratch, rapt_stream *stream,
                       rapt_error *error) {
  (void)stream, (void)error;
  rapt_cpu_execute_sdpa((rapt_cpu_context *)context, problem, plan, scratch);
  return RAPT_OK;
}

const rapt_device_operation rapt_cpu_sdpa_operation = {.plan = plan, .name = name, .run = run};
