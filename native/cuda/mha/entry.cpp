// SPDX-License-Identifier: Apache-2.0
// Multi-head attention as an operation of the device.
#include <cstdio>
#include <cstring>

#include "cuda/device.h"
#include "cuda/mha/mha.h"
#include "cuda/runtime/call.h"

static rapt_status plan(const rapt_context *head, void *memory, void *plan_memory, rapt_needs *needs,
                        rapt_error *error) {
  static_assert(sizeof(rapt_cuda_mha) <= RAPT_PLAN_ROOM, "a call's room");
  rapt_mha_problem *problem = static_cast<rapt_mha_problem *>(memory);
  rapt_cuda_mha *plan = static_cast<rapt_cuda_mha *>(plan_memory);
  rapt_cuda_mha_set_types(problem);
  if (!rapt_cuda_plan_mha(rapt_cuda_context_of(head), *problem, plan, needs)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "the sizes multiply to more scratch than 64 bits can count");
  }
  needs->scratch = plan->scratch;
  needs->threads = 1;
  return RAPT_OK;
}

// "sdpa_prefill_..." becomes "mha_prefill_...".
static void name(const rapt_context *, const void *problem, const void *plan, char *out, size_t size) {
  char attention[rapt_cuda_name_room];
  rapt_cuda_name_sdpa_plan(static_cast<const rapt_mha_problem *>(problem)->attention,
                           static_cast<const rapt_cuda_mha *>(plan)->attention, attention, sizeof attention);
  snprintf(out, size, "mha_%s", attention + strlen("sdpa_"));
}

static rapt_status run(rapt_context *context, void *problem, const void *plan, void *scratch, rapt_stream *stream,
                       rapt_error *error) {
  int code = rapt_cuda_launch_mha(*static_cast<const rapt_cuda_mha *>(plan), static_cast<rapt_mha_problem *>(problem),
                                  scratch, rapt_cuda_native(stream));
  return rapt_cuda_check_launch(code, rapt_cuda_mha_operation, context, problem, plan, error);
}

const rapt_cuda_names rapt_cuda_mha_names = {"mha", 0, nullptr};

int rapt_cuda_prepare_mha(const rapt_cuda_properties &) { return 0; }

const rapt_device_operation rapt_cuda_mha_operation = {plan, name, nullptr, run};
