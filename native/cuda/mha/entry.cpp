// SPDX-License-Identifier: Apache-2.0
// rapt_mha_* on the device.
#include "cuda/mha/mha.h"
#include "cuda/runtime/call.h"

static rapt_status prepare(const rapt_cuda_context *context, const rapt_mha *call, rapt_mha_problem *problem,
                           rapt_cuda_mha *plan, rapt_error *error) {
  RAPT_CHECK(rapt_mha_validate(context, rapt_cuda_check_linear, call, problem, error));
  rapt_cuda_mha_set_types(problem);
  return rapt_cuda_mha_make_plan(context, problem, plan, error);
}

rapt_status rapt_cuda_mha_plan(void *state, const rapt_mha *call, rapt_plan *out, rapt_error *error) {
  rapt_mha_problem problem;
  rapt_cuda_mha plan;
  RAPT_CHECK(rapt_check_output(out, "rapt_plan", error));
  RAPT_CHECK(prepare(static_cast<const rapt_cuda_context *>(state), call, &problem, &plan, error));
  rapt_cuda_write_plan(plan.name, plan.reason[0] == 0 ? nullptr : plan.reason, plan.scratch, out);
  return RAPT_OK;
}

static rapt_status check_places(const rapt_cuda_context *context, const rapt_mha_problem &p, rapt_error *error) {
  const rapt_mha &c = p.call;
  const rapt_cuda_argument always[] = {{"query", c.query.data},
                                       {"output", c.output.data},
                                       {"bias_key", c.bias_key.data},
                                       {"bias_value", c.bias_value.data},
                                       {"sinks", c.sinks.data},
                                       {"alibi_slopes", c.alibi_slopes.data},
                                       {"lse", c.lse.data}};
  RAPT_CHECK(rapt_cuda_check_places(context, always, error));
  if (p.total_len > 0) RAPT_CHECK(rapt_cuda_check_place(context, {"weights", c.weights.data}, error));
  if (c.kv_len == 0) return RAPT_OK;
  const rapt_cuda_argument by_key[] = {{"key", c.key.data},
                                       {"value", c.value.data},
                                       {"mask", c.mask.data},
                                       {"bias", c.bias.data},
                                       {"key_padding_mask", c.key_padding_mask.data}};
  return rapt_cuda_check_places(context, by_key, error);
}

rapt_status rapt_cuda_mha_run(void *state, const rapt_mha *call, rapt_error *error) {
  rapt_cuda_context *context = static_cast<rapt_cuda_context *>(state);
  rapt_mha_problem problem;
  rapt_cuda_mha plan;
  RAPT_CHECK(prepare(context, call, &problem, &plan, error));
  const rapt_mha &c = problem.call;
  if (c.batch == 0 || c.query_len == 0) return RAPT_OK;
  if (plan.reason[0] != 0) return rapt_fail(error, RAPT_UNSUPPORTED, "%s", plan.reason);
  rapt_cuda_scope scope(context->ordinal);
  RAPT_CHECK(scope.check(error));
  RAPT_CHECK(check_places(context, problem, error));
  rapt_cuda_memory memory = {c.scratch, c.scratch_size, plan.scratch};
  return rapt_cuda_enqueue(context, c.stream, memory, plan.name, error, [&](gpu_stream stream, void *scratch) {
    return rapt_cuda_mha_launch(plan, &problem, scratch, stream);
  });
}
