// SPDX-License-Identifier: Apache-2.0
// rapt_mha_*: validate, plan, run.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cpu/mha/mha.h"
#include "call/params.h"
#include "call/validate.h"

static rapt_status prepare(const rapt_context *context, const rapt_mha *call, rapt_mha_problem *problem,
                           rapt_cpu_mha *geometry, rapt_error *error) {
  rapt_status status = rapt_mha_validate(context, rapt_cpu_check_linear, call, problem, error);
  if (status == RAPT_OK) status = rapt_check_no_stream(problem->call.stream, error);
  if (status != RAPT_OK) return status;
  rapt_cpu_mha_part_heads(context, problem);
  if (!rapt_cpu_plan_mha(context, problem, geometry)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "the sizes multiply to more scratch than 64 bits can count");
  }
  return RAPT_OK;
}

rapt_status rapt_mha_plan(const rapt_context *context, const rapt_mha *call, rapt_plan *plan, rapt_error *error) {
  rapt_mha_problem problem;
  rapt_cpu_mha geometry;
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  if (context->backend != NULL) return context->backend->mha_plan(context->state, call, plan, error);
  rapt_status status = rapt_check_output(plan, "rapt_plan", error);
  if (status == RAPT_OK) status = prepare(context, call, &problem, &geometry, error);
  if (status != RAPT_OK) return status;
  int32_t threads = geometry.attention.share.slots > geometry.inputs.share.slots ? geometry.attention.share.slots
                                                                                 : geometry.inputs.share.slots;
  // "sdpa_prefill_..." becomes "mha_prefill_...".
  char attention[sizeof plan->name], name[sizeof plan->name];
  rapt_cpu_name_sdpa(context, &problem.attention, &geometry.attention, attention, sizeof attention);
  snprintf(name, sizeof name, "mha_%s", attention + strlen("sdpa_"));
  rapt_write_plan(context, geometry.scratch, threads, name, plan);
  return RAPT_OK;
}

rapt_status rapt_mha_run(rapt_context *context, const rapt_mha *call, rapt_error *error) {
  rapt_mha_problem problem;
  rapt_cpu_mha geometry;
  rapt_call_memory memory;
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  if (context->backend != NULL) return context->backend->mha_run(context->state, call, error);
  rapt_status status = prepare(context, call, &problem, &geometry, error);
  if (status != RAPT_OK) return status;
  status = rapt_call_memory_begin(context, problem.call.scratch, problem.call.scratch_size, geometry.scratch, &memory,
                                  error);
  if (status != RAPT_OK) return status;
  rapt_cpu_execute_mha(context, &problem, &geometry, memory.base);
  rapt_call_memory_end(context, &memory);
  return RAPT_OK;
}

rapt_status rapt_mha_run_held(rapt_context *context, const rapt_mha *call, rapt_error *error, const void *query,
                              const void *key, const void *value, const void *output, const void *mask,
                              const void *bias, const void *key_padding_mask, const void *bias_key,
                              const void *bias_value, const void *alibi_slopes, const void *sinks, const void *lse,
                              const void *weights) {
  (void)query, (void)key, (void)value, (void)output, (void)mask, (void)bias, (void)key_padding_mask;
  (void)bias_key, (void)bias_value, (void)alibi_slopes, (void)sinks, (void)lse, (void)weights;
  return rapt_mha_run(context, call, error);
}
