// SPDX-License-Identifier: Apache-2.0
// rapt_linear_plan and rapt_linear_run on the device.
#include <cstdio>

#include "cuda/linear/weights.h"
#include "cuda/runtime/call.h"
#include "cuda/runtime/choice.h"

rapt_status rapt_cuda_check_linear(const void *device, const char *name, const rapt_linear_weights *linear,
                                   rapt_error *error) {
  const rapt_cuda_context *context = static_cast<const rapt_cuda_context *>(device);
  if (linear == nullptr) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is NULL", name);
  if (linear->handle.backend != &rapt_cuda_backend) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s was packed for another device; this context's is CUDA device %d",
                     name, context->ordinal);
  }
  int ordinal = reinterpret_cast<const rapt_cuda_linear_weights *>(linear)->ordinal;
  if (ordinal == context->ordinal) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s lies on CUDA device %d; this context's is %d", name, ordinal,
                   context->ordinal);
}

rapt_cuda_product rapt_cuda_product_of(const rapt_linear_problem &projection) {
  const rapt_cuda_linear_weights *linear = reinterpret_cast<const rapt_cuda_linear_weights *>(projection.linear);
  rapt_cuda_product product = {};
  product.input = projection.input;
  product.output = projection.output;
  product.weight = linear->weight;
  product.weight_dtype = linear->dtype;
  product.bias = linear->bias;
  product.batch = projection.batch;
  product.rows = projection.rows;
  product.in_features = linear->head.in_features;
  product.out_features = linear->head.out_features;
  return product;
}

static bool is_empty(const rapt_cuda_product &product) { return product.batch == 0 || product.rows == 0; }

static bool choose(const rapt_cuda_context *context, const rapt_cuda_product &product, rapt_cuda_linear *plan) {
  if (!is_empty(product)) return rapt_cuda_choose_linear(context, RAPT_CUDA_ALONE, product, plan);
  *plan = rapt_cuda_linear();
  snprintf(plan->name, sizeof plan->name, "linear_empty_cuda");
  return true;
}

rapt_status rapt_cuda_linear_plan(void *state, const rapt_linear *from, rapt_plan *out, rapt_error *error) {
  const rapt_cuda_context *context = static_cast<const rapt_cuda_context *>(state);
  rapt_linear call;
  rapt_linear_problem projection;
  rapt_cuda_linear plan;
  RAPT_CHECK(rapt_check_output(out, "rapt_plan", error));
  RAPT_CHECK(rapt_linear_validate(context, rapt_cuda_check_linear, from, &call, &projection, error));
  bool supported = choose(context, rapt_cuda_product_of(projection), &plan);
  rapt_cuda_write_plan(plan.name, supported ? nullptr : plan.reason, plan.scratch, out);
  return RAPT_OK;
}

rapt_status rapt_cuda_linear_run(void *state, const rapt_linear *from, rapt_error *error) {
  rapt_cuda_context *context = static_cast<rapt_cuda_context *>(state);
  rapt_linear call;
  rapt_linear_problem projection;
  rapt_cuda_linear plan;
  RAPT_CHECK(rapt_linear_validate(context, rapt_cuda_check_linear, from, &call, &projection, error));
  rapt_cuda_product product = rapt_cuda_product_of(projection);
  if (is_empty(product)) return RAPT_OK;
  if (!choose(context, product, &plan)) return rapt_fail(error, RAPT_UNSUPPORTED, "%s", plan.reason);
  rapt_cuda_scope scope(context->ordinal);
  RAPT_CHECK(scope.check(error));
  const rapt_cuda_argument arguments[] = {{"input", call.input.data}, {"output", call.output.data}};
  RAPT_CHECK(rapt_cuda_check_places(context, arguments, error));
  rapt_cuda_memory memory = {call.scratch, call.scratch_size, plan.scratch};
  return rapt_cuda_enqueue(context, call.stream, memory, plan.name, error, [&](gpu_stream stream, void *scratch) {
    return rapt_cuda_launch_linear(plan, product, scratch, stream);
  });
}
