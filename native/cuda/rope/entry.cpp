// SPDX-License-Identifier: Apache-2.0
// rapt_rope_plan and rapt_rope_run on the device.
#include <cstdio>

#include "cuda/runtime/call.h"
#include "cuda/runtime/choice.h"

static bool is_empty(const rapt_rope &call) { return call.batch == 0 || call.length == 0; }

// The plan of a call that may be empty, which needs no kernel.
static bool choose(const rapt_cuda_context *context, const rapt_rope &call, rapt_cuda_rope *plan) {
  if (!is_empty(call)) return rapt_cuda_choose_rope(context, call, plan);
  *plan = rapt_cuda_rope();
  snprintf(plan->name, sizeof plan->name, "rope_empty_cuda");
  return true;
}

rapt_status rapt_cuda_rope_plan(void *state, const rapt_rope *from, rapt_plan *out, rapt_error *error) {
  rapt_rope call;
  rapt_cuda_rope plan;
  RAPT_CHECK(rapt_check_output(out, "rapt_plan", error));
  RAPT_CHECK(rapt_rope_validate(from, &call, error));
  bool supported = choose(static_cast<const rapt_cuda_context *>(state), call, &plan);
  rapt_cuda_write_plan(plan.name, supported ? nullptr : plan.reason, 0, out);
  return RAPT_OK;
}

rapt_status rapt_cuda_rope_run(void *state, const rapt_rope *from, rapt_error *error) {
  rapt_cuda_context *context = static_cast<rapt_cuda_context *>(state);
  rapt_rope call;
  rapt_cuda_rope plan;
  RAPT_CHECK(rapt_rope_validate(from, &call, error));
  if (is_empty(call)) return RAPT_OK;
  if (!choose(context, call, &plan)) return rapt_fail(error, RAPT_UNSUPPORTED, "%s", plan.reason);
  rapt_cuda_scope scope(context->ordinal);
  RAPT_CHECK(scope.check(error));
  const rapt_cuda_argument arguments[] = {{"input", call.input.data},
                                          {"output", call.output.data},
                                          {"cosine", call.cosine.data},
                                          {"sine", call.sine.data},
                                          {"positions", call.positions.data}};
  RAPT_CHECK(rapt_cuda_check_places(context, arguments, error));
  return rapt_cuda_enqueue(context, call.stream, {nullptr, 0, 0}, plan.name, error,
                           [&](gpu_stream stream, void *) { return rapt_cuda_launch_rope(plan, call, stream); });
}
