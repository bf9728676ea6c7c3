// SPDX-License-Identifier: Apache-2.0
// rapt_sdpa_* on the device.
#include <cstdio>

#include "cuda/runtime/call.h"
#include "cuda/runtime/choice.h"

static const rapt_cuda_context *of(void *state) { return static_cast<const rapt_cuda_context *>(state); }

static bool is_empty(const rapt_sdpa_problem &problem) {
  return problem.call.batch == 0 || problem.call.query_len == 0;
}

// The plan of a problem that may be empty, which needs no kernel.
static bool choose(const rapt_cuda_context *context, const rapt_sdpa_problem &problem, rapt_cuda_sdpa *plan) {
  if (!is_empty(problem)) return rapt_cuda_choose_sdpa(context, RAPT_CUDA_ALONE, problem, plan);
  *plan = rapt_cuda_sdpa();
  snprintf(plan->name, sizeof plan->name, "sdpa_empty_cuda");
  return true;
}

rapt_status rapt_cuda_sdpa_plan(void *state, const rapt_sdpa *call, rapt_plan *out, rapt_error *error) {
  rapt_sdpa_problem problem;
  rapt_cuda_sdpa plan;
  RAPT_CHECK(rapt_check_output(out, "rapt_plan", error));
  RAPT_CHECK(rapt_sdpa_validate(call, &problem, error));
  bool supported = choose(of(state), problem, &plan);
  rapt_cuda_write_plan(plan.name, supported ? nullptr : plan.reason, plan.scratch, out);
  return RAPT_OK;
}

static rapt_status check_places(const rapt_cuda_context *context, const rapt_sdpa &c, rapt_error *error) {
  const rapt_cuda_argument always[] = {{"query", c.query.data},
                                       {"output", c.output.data},
                                       {"alibi_slopes", c.alibi_slopes.data},
                                       {"sinks", c.sinks.data},
                                       {"lse", c.lse.data}};
  RAPT_CHECK(rapt_cuda_check_places(context, always, error));
  // Nobody reads or writes these without keys, so they may be anywhere.
  if (c.kv_len == 0) return RAPT_OK;
  const rapt_cuda_argument by_key[] = {
      {"key", c.key.data},        {"value", c.value.data},         {"mask", c.mask.data},
      {"bias", c.bias.data},      {"key_scale", c.key_scale.data}, {"value_scale", c.value_scale.data},
      {"weights", c.weights.data}};
  return rapt_cuda_check_places(context, by_key, error);
}

rapt_status rapt_cuda_sdpa_run(void *state, const rapt_sdpa *call, rapt_error *error) {
  rapt_cuda_context *context = static_cast<rapt_cuda_context *>(state);
  rapt_sdpa_problem problem;
  rapt_cuda_sdpa plan;
  RAPT_CHECK(rapt_sdpa_validate(call, &problem, error));
  if (is_empty(problem)) return RAPT_OK;
  if (!choose(context, problem, &plan)) return rapt_fail(error, RAPT_UNSUPPORTED, "%s", plan.reason);
  rapt_cuda_scope scope(context->ordinal);
  RAPT_CHECK(scope.check(error));
  RAPT_CHECK(check_places(context, problem.call, error));
  rapt_cuda_memory memory = {problem.call.scratch, problem.call.scratch_size, plan.scratch};
  return rapt_cuda_enqueue(
      context, problem.call.stream, memory, plan.name, error,
      [&](gpu_stream stream, void *scratch) { return rapt_cuda_launch_sdpa(plan, problem, scratch, stream); });
}
