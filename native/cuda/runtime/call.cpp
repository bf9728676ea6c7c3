// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/call.h"

#include <cinttypes>
#include <cstdio>

rapt_status rapt_cuda_check_place(const rapt_cuda_context *context, const rapt_cuda_argument &argument,
                                  rapt_error *error) {
  if (argument.data == nullptr) return RAPT_OK;
  driver_place place;
  int ordinal = 0;
  RAPT_CHECK(rapt_cuda_check(driver_locate(argument.data, &place, &ordinal), "asking where a tensor lies", error));
  if (place == DRIVER_PLACE_SHARED || (place == DRIVER_PLACE_DEVICE && ordinal == context->ordinal)) return RAPT_OK;
  if (place == DRIVER_PLACE_DEVICE) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is memory of CUDA device %d; this context's device is %d",
                     argument.name, ordinal, context->ordinal);
  }
  return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                   "%s is at %p, which is memory that CUDA device %d does not reach: plain host memory, or freed",
                   argument.name, argument.data, context->ordinal);
}

rapt_status rapt_cuda_call_scratch(rapt_cuda_context *context, rapt_stream *stream, const rapt_cuda_memory &memory,
                                   void **out, rapt_error *error) {
  *out = memory.given;
  if (memory.needed == 0) return RAPT_OK;
  if (memory.given == nullptr) return rapt_cuda_scratch(stream, memory.needed, out, error);
  if (memory.given_size < memory.needed) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "scratch_size is %" PRId64 "; the plan needs %" PRId64,
                     memory.given_size, memory.needed);
  }
  return rapt_cuda_check_place(context, {"scratch", memory.given}, error);
}

void rapt_cuda_write_plan(const char *name, const char *reason, int64_t scratch, rapt_plan *out) {
  rapt_plan plan = rapt_plan();
  plan.supported = reason == nullptr;
  plan.scratch_size = reason == nullptr ? scratch : 0;
  plan.threads = 1;
  snprintf(plan.name, sizeof plan.name, "%s", name);
  if (reason != nullptr) snprintf(plan.reason, sizeof plan.reason, "%s", reason);
  rapt_write_struct(&plan, sizeof plan, out);
}
