// SPDX-License-Identifier: Apache-2.0
// A projection as an operation of the device.
#include <cinttypes>

#include "cuda/device.h"
#include "cuda/linear/linear.h"
#include "cuda/runtime/call.h"

static const rapt_product &product_of(const void *problem) {
  return static_cast<const rapt_linear_problem *>(problem)->product;
}

static rapt_status plan(const rapt_context *head, void *problem, void *memory, rapt_needs *needs, rapt_error *error) {
  static_assert(sizeof(rapt_cuda_linear) <= RAPT_PLAN_ROOM, "a call's room");
  const rapt_cuda_context *context = rapt_cuda_context_of(head);
  const rapt_product &product = product_of(problem);
  rapt_cuda_linear_candidates candidates(rapt_cuda_properties_of(context->device), product);
  int chosen = rapt_cuda_choose(context->choice, RAPT_LINEAR, candidates, needs);
  needs->scratch = 0;
  needs->threads = 1;
  if (rapt_cuda_plan_linear(product, candidates.kernels[chosen], static_cast<rapt_cuda_linear *>(memory))) {
    return RAPT_OK;
  }
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "batch %" PRId64 " times rows %" PRId64 " overflows 64 bits",
                   product.batch, product.rows);
}

static void name(const rapt_context *, const void *problem, const void *plan, char *out, size_t size) {
  int32_t kernel = static_cast<const rapt_cuda_linear *>(plan)->kernel;
  rapt_cuda_linear_names.stem(rapt_cuda_linear_stem(product_of(problem), kernel), out, size);
}

static rapt_status run(rapt_context *context, void *problem, const void *plan, void *, rapt_stream *stream,
                       rapt_error *error) {
  int code = rapt_cuda_launch_linear(*static_cast<const rapt_cuda_linear *>(plan), product_of(problem),
                                     rapt_cuda_native(stream));
  return rapt_cuda_check_launch(code, rapt_cuda_linear_operation, context, problem, plan, error);
}

const rapt_device_operation rapt_cuda_linear_operation = {plan, name, nullptr, run};
