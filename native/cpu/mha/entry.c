// SPDX-License-Identifier: Apache-2.0
// Multi-head attention as an operation of the CPU.
#include <stdio.h>
#include <string.h>

#include "base/arithmetic.h"
#include "base/error.h"
#include "cpu/mha/mha.h"

static rapt_status plan(const rapt_context *context, void *problem, void *memory, rapt_needs *needs,
                        rapt_error *error) {
  const rapt_cpu_context *cpu = (const rapt_cpu_context *)context;
  rapt_cpu_mha *plan = memory;
  rapt_cpu_mha_part_heads(cpu, problem);
  if (!rapt_cpu_plan_mha(cpu, problem, plan)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "the sizes multiply to more scratch than 64 bits can count");
  }
  needs->scratch = plan->scratch;
  needs->threads = (int32_t)rapt_max(plan->attention.share.slots, plan->inputs.threads);
  return RAPT_OK;
}

// "sdpa_prefill_..." becomes "mha_prefill_...".
static void name(const rapt_context *context, const void *problem, const void *memory, char *out, size_t size) {
  const rapt_cpu_mha *plan = memory;
  char attention[sizeof((rapt_plan *)0)->name];
  rapt_cpu_name_sdpa((const rapt_cpu_context *)context, &((const rapt_mha_problem *)problem)->attention,
                     &plan->attention, attention, sizeof attention);
  snprintf(out, size, "mha_%s", attention + strlen("sdpa_"));
}

static rapt_status run(rapt_context *context, void *problem, const void *plan, void *scratch, rapt_stream *stream,
                       rapt_error *error) {
  (void)stream, (void)error;
  rapt_cpu_execute_mha((rapt_cpu_context *)context, problem, plan, scratch);
  return RAPT_OK;
}

const rapt_device_operation rapt_cpu_mha_operation = {.plan = plan, .name = name, .run = run};
