// SPDX-License-Identifier: Apache-2.0
// Rotary embedding as an operation of the device. Only the kernels read positions.
#include "cuda/device.h"
#include "cuda/rope/rope.h"
#include "cuda/runtime/call.h"

static const rapt_rope &call_of(const void *problem) { return *static_cast<const rapt_rope *>(problem); }

static rapt_status plan(const rapt_context *head, void *problem, void *memory, rapt_needs *needs, rapt_error *) {
  static_assert(sizeof(rapt_cuda_rope) <= RAPT_PLAN_ROOM, "a call's room");
  const rapt_cuda_context *context = rapt_cuda_context_of(head);
  rapt_cuda_rope_candidates candidates(call_of(problem));
  int chosen = rapt_cuda_choose(context->choice, RAPT_ROPE, candidates, needs);
  *static_cast<rapt_cuda_rope *>(memory) =
      rapt_cuda_plan_rope(rapt_cuda_properties_of(context->device), call_of(problem), candidates.kernels[chosen]);
  needs->scratch = 0;
  needs->threads = 1;
  return RAPT_OK;
}

static void name(const rapt_context *, const void *problem, const void *plan, char *out, size_t size) {
  rapt_cuda_name_rope(call_of(problem), static_cast<const rapt_cuda_rope *>(plan)->kernel, out, size);
}

static rapt_status run(rapt_context *context, void *problem, const void *plan, void *, rapt_stream *stream,
                       rapt_error *error) {
  int code =
      rapt_cuda_launch_rope(*static_cast<const rapt_cuda_rope *>(plan), call_of(problem), rapt_cuda_native(stream));
  return rapt_cuda_check_launch(code, rapt_cuda_rope_operation, context, problem, plan, error);
}

const rapt_device_operation rapt_cuda_rope_operation = {plan, name, nullptr, run};
