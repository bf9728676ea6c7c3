// SPDX-License-Identifier: Apache-2.0
// Attention as an operation of the CPU.
#include "base/error.h"
#include "cpu/sdpa/paths.h"
#include "cpu/sdpa/samples.h"
#include "cpu/sdpa/sdpa.h"
#include "ops/sdpa/samples.h"

void rapt_cpu_execute_sdpa(rapt_cpu_context *context, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *plan,
                           void *memory) {
  if (plan->path == RAPT_SDPA_MIXED) {
    rapt_sdpa_run_samples(context, problem, plan, memory);
    return;
  }
  rapt_sdpa_job job = {.context = context, .problem = problem, .plan = plan, .slots = memory};
  rapt_arena arena = {.base = job.slots + plan->share.slots * plan->slot_scratch};
  rapt_sdpa_partials_lay(&arena, context, problem, plan, &job.partials);
  if (plan->path == RAPT_SDPA_DECODE) {
    job.readings = rapt_sdpa_choose_readings(context, plan->from_memory);
    rapt_sdpa_decode_begin(&job);
    rapt_parallel(context->pool, plan->tasks, plan->share, rapt_sdpa_decode_task, &job);
    return;
  }
  rapt_parallel(context->pool, plan->tasks, plan->share, rapt_sdpa_prefill_task, &job);
  if (plan->splits == 1) return;
  rapt_parallel(context->pool, plan->units * plan->panels, plan->share, rapt_sdpa_prefill_merge_task, &job);
}

static rapt_status plan(const rapt_context *context, void *problem, void *memory, rapt_needs *needs,
                        rapt_error *error) {
  rapt_cpu_sdpa *chosen = memory;
  if (!rapt_cpu_plan_sdpa((const rapt_cpu_context *)context, problem, chosen)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "the sizes multiply to more scratch than 64 bits can count");
  }
  needs->scratch = chosen->scratch;
  needs->threads = chosen->share.slots;
  return RAPT_OK;
}

static rapt_status prepare(rapt_context *context, const void *problem, rapt_error *error) {
  (void)context;
  const rapt_sdpa *call = &((const rapt_sdpa_problem *)problem)->call;
  return rapt_sdpa_varies(call) ? rapt_sdpa_check_samples(call, error) : RAPT_OK;
}

static void name(const rapt_context *context, const void *problem, const void *memory, char *out, size_t size) {
  rapt_cpu_name_sdpa((const rapt_cpu_context *)context, problem, memory, out, size);
}

static rapt_status run(rapt_context *context, void *problem, const void *memory, void *scratch, rapt_stream *stream,
                       rapt_error *error) {
  (void)stream, (void)error;
  rapt_cpu_execute_sdpa((rapt_cpu_context *)context, problem, memory, scratch);
  return RAPT_OK;
}

const rapt_device_operation rapt_cpu_sdpa_operation = {.plan = plan, .name = name, .prepare = prepare, .run = run};
