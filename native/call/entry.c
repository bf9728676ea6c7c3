// SPDX-License-Identifier: Apache-2.0
// The one way of a call: copy and check it by its operation's table, plan it, run it.
#include <stdio.h>
#include <string.h>

#include "base/environment.h"
#include "base/error.h"
#include "call/check.h"
#include "call/device.h"
#include "call/operations.h"
#include "call/params.h"

// The problem and the plan of one call, on the stack.
typedef struct call_room {
  _Alignas(64) unsigned char problem[RAPT_PROBLEM_ROOM];
  _Alignas(64) unsigned char plan[RAPT_PLAN_ROOM];
} call_room;

static void name_empty(const rapt_context *context, const rapt_operation *operation, rapt_plan *plan) {
  const char *tier = context->isa != 0 ? rapt_isa_name(context->isa) : context->device->word;
  snprintf(plan->name, sizeof plan->name, "%s_empty_%s", operation->word, tier);
}

static rapt_status plan_call(const rapt_context *context, int32_t number, const void *call, rapt_plan *out,
                             rapt_error *error) {
  call_room room;
  rapt_checked checked;
  rapt_needs needs = {.scratch = 0};
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  RAPT_CHECK(rapt_check_output(out, "rapt_plan", error));
  RAPT_CHECK(rapt_check_call(context, number, call, RAPT_FOR_PLAN, room.problem, &checked, error));
  rapt_plan plan = {.supported = 1, .isa = context->isa, .threads = 1};
  if (checked.empty) {
    name_empty(context, checked.operation, &plan);
  } else {
    const rapt_device_operation *operation = context->device->operations[number];
    RAPT_CHECK(operation->plan(context, room.problem, room.plan, &needs, error));
    plan.supported = needs.reason[0] == 0;
    plan.scratch_size = plan.supported ? needs.scratch : 0;
    plan.threads = needs.threads > 0 ? needs.threads : 1;
    memcpy(plan.reason, plan.supported ? needs.remark : needs.reason, sizeof plan.reason);
    operation->name(context, room.problem, room.plan, plan.name, sizeof plan.name);
  }
  rapt_write_struct(&plan, sizeof plan, out);
  return RAPT_OK;
}

static rapt_status run_call(rapt_context *context, int32_t number, const void *call, rapt_error *error) {
  call_room room;
  rapt_checked checked;
  rapt_needs needs;
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  RAPT_CHECK(rapt_check_call(context, number, call, RAPT_FOR_RUN, room.problem, &checked, error));
  if (checked.empty) return RAPT_OK;
  const rapt_device_operation *operation = context->device->operations[number];
  needs.reason[0] = needs.remark[0] = 0;
  RAPT_CHECK(operation->plan(context, room.problem, room.plan, &needs, error));
  if (needs.reason[0] != 0) return rapt_fail(error, RAPT_UNSUPPORTED, "%s", needs.reason);
  rapt_planned planned = {
      .checked = &checked, .operation = operation, .problem = room.problem, .plan = room.plan, .needs = &needs};
  return context->device->execute(context, &planned, error);
}

rapt_status rapt_plan_call(const rapt_context *context, int32_t number, const void *call, rapt_plan *out,
                           rapt_error *error) {
  unsigned environment = rapt_environment_enter();
  rapt_status status = plan_call(context, number, call, out, error);
  rapt_environment_leave(environment);
  return status;
}

rapt_status rapt_run_call(rapt_context *context, int32_t number, const void *call, rapt_error *error) {
  unsigned environment = rapt_environment_enter();
  rapt_status status = run_call(context, number, call, error);
  rapt_environment_leave(environment);
  return status;
}

rapt_status rapt_run_held(rapt_context *context, int32_t number, const void *call, rapt_error *error, ...) {
  return rapt_run_call(context, number, call, error);
}

// The typed functions: rapt_sdpa_plan, rapt_sdpa_run and so on.
#define TYPED(NUMBER, word)                                                                             \
  rapt_status rapt_##word##_plan(const rapt_context *context, const rapt_##word *call, rapt_plan *plan, \
                                 rapt_error *error) {                                                   \
    return rapt_plan_call(context, RAPT_##NUMBER, call, plan, error);                                   \
  }                                                                                                     \
  rapt_status rapt_##word##_run(rapt_context *context, const rapt_##word *call, rapt_error *error) {    \
    return rapt_run_call(context, RAPT_##NUMBER, call, error);                                          \
  }
RAPT_EACH_OPERATION(TYPED)
