// SPDX-License-Identifier: Apache-2.0
// Attention as an operation of the device.
#include <stdio.h>

#include "cuda/device.h"
#include "cuda/runtime/call.h"
#include "cuda/sdpa/sdpa.h"

static const rapt_sdpa_problem &problem_of(const void *problem) {
  return *static_cast<const rapt_sdpa_problem *>(problem);
}

// Whether tensor cores might take the call if neither its keys nor its values were int8.
static bool widens_bytes(const rapt_sdpa &c) {
  bool half = c.query.dtype == RAPT_F16 || c.query.dtype == RAPT_BF16;
  return half && (c.key.dtype == RAPT_I8 || c.value.dtype == RAPT_I8);
}

static rapt_status plan(const rapt_context *head, void *problem, void *memory, rapt_needs *needs, rapt_error *error) {
  static_assert(sizeof(rapt_cuda_sdpa) <= RAPT_PLAN_ROOM, "a call's room");
  const rapt_cuda_context *context = rapt_cuda_context_of(head);
  rapt_cuda_sdpa *plan = static_cast<rapt_cuda_sdpa *>(memory);
  rapt_cuda_sdpa_candidates candidates(rapt_cuda_properties_of(context->device), problem_of(problem));
  int chosen = rapt_cuda_choose(context->choice, RAPT_SDPA, candidates, needs);
  if (!rapt_cuda_plan_sdpa(problem_of(problem), candidates.kernels[chosen], plan)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "the sizes multiply to more work than 64 bits can count");
  }
  if (needs->remark[0] == 0 && rapt_sdpa_varies(&problem_of(problem).call)) {
    snprintf(needs->remark, sizeof needs->remark,
             "samples of different lengths are computed on plain cores, a sample's keys one after the other: expected "
             "to be slower than samples of one size, which tensor cores multiply where types, sizes and strides suit "
             "them");
  }
  if (needs->remark[0] == 0 && widens_bytes(problem_of(problem).call)) {
    snprintf(needs->remark, sizeof needs->remark,
             "int8 keys or values are widened on plain cores: expected to be slower than keys and values of the "
             "query's type, which tensor cores multiply where sizes and strides suit them");
  }
  needs->scratch = plan->scratch;
  needs->threads = 1;
  return RAPT_OK;
}

static void name(const rapt_context *, const void *problem, const void *plan, char *out, size_t size) {
  rapt_cuda_name_sdpa_plan(problem_of(problem), *static_cast<const rapt_cuda_sdpa *>(plan), out, size);
}

static rapt_status run(rapt_context *context, void *problem, const void *plan, void *scratch, rapt_stream *stream,
                       rapt_error *error) {
  int code = rapt_cuda_launch_sdpa(*static_cast<const rapt_cuda_sdpa *>(plan), problem_of(problem), scratch,
                                   rapt_cuda_native(stream));
  return rapt_cuda_check_launch(code, rapt_cuda_sdpa_operation, context, problem, plan, error);
}

const rapt_device_operation rapt_cuda_sdpa_operation = {plan, name, nullptr, run};
