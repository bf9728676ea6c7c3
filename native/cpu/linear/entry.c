// SPDX-License-Identifier: Apache-2.0
// rapt_linear_*: packing weights, validation, plan, run.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cpu/linear/linear.h"
#include "call/params.h"
#include "cpu/engine/rows.h"
#include "call/validate.h"

static int pack_weights(const rapt_kernels *kernels, const rapt_linear_parameters *w, rapt_cpu_linear_weights *linear) {
  int64_t width = kernels->panel_width, in = w->in_features, panels = (w->out_features + width - 1) / width;
  int staged = !rapt_is_plain(w->weight.dtype, w->weight.stride[1]);
  float *gathered = staged ? malloc((size_t)(width * in) * sizeof(float)) : NULL;
  if (staged && gathered == NULL) return 0;
  for (int64_t n = 0; n < panels; n++) {
    const float *rows[RAPT_MAX_PANEL_WIDTH] = {0};
    int64_t count = w->out_features - n * width < width ? w->out_features - n * width : width;
    for (int64_t i = 0; i < count; i++) {
      const void *row = rapt_offset(&w->weight, (n * width + i) * w->weight.stride[0]);
      rows[i] = rapt_read_row(kernels, w->weight.dtype, row, w->weight.stride[1], in, gathered + i * in);
    }
    kernels->pack(rows, count, in, width, linear->panels + n * in * width);
  }
  free(gathered);
  if (w->bias.data != NULL) {
    const float *bias =
        rapt_read_row(kernels, w->bias.dtype, w->bias.data, w->bias.stride[0], w->out_features, linear->bias);
    if (bias != linear->bias) memcpy(linear->bias, bias, (size_t)w->out_features * sizeof(float));
  }
  return 1;
}

rapt_status rapt_linear_create(rapt_context *context, const rapt_linear_parameters *weights, rapt_linear_weights **out,
                               rapt_error *error) {
  if (out == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "out is NULL");
  *out = NULL;
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  if (context->backend != NULL) return context->backend->linear_create(context->state, weights, out, error);
  rapt_linear_parameters w;
  rapt_status status = rapt_linear_parameters_validate(weights, &w, error);
  if (status != RAPT_OK) return status;

  int64_t width = context->kernels.panel_width;
  size_t features = (size_t)((w.out_features + width - 1) / width * width);
  size_t count = features * (size_t)w.in_features + RAPT_PACK_SLACK;
  rapt_cpu_linear_weights *linear = calloc(1, sizeof *linear);
  void *panels = NULL;
  if (linear == NULL || posix_memalign(&panels, RAPT_SCRATCH_ALIGNMENT, count * sizeof(float)) != 0) {
    free(linear);
    return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for %zu packed weights", count);
  }
  *linear = (rapt_cpu_linear_weights){.head = {.in_features = w.in_features, .out_features = w.out_features},
                                 .isa = context->kernels.isa,
                                 .panel_width = width,
                                 .panels = panels,
                                 .bias = calloc(features, sizeof(float))};
  if (linear->bias == NULL || !pack_weights(&context->kernels, &w, linear)) {
    rapt_linear_destroy(&linear->head);
    return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for packing %zu weights", count);
  }
  *out = &linear->head;
  return RAPT_OK;
}

void rapt_linear_destroy(rapt_linear_weights *linear) {
  if (linear == NULL) return;
  if (linear->handle.backend != NULL) {
    linear->handle.backend->linear_destroy(linear);
    return;
  }
  rapt_cpu_linear_weights *packed = (rapt_cpu_linear_weights *)linear;
  free(packed->panels);
  free(packed->bias);
  free(packed);
}

rapt_status rapt_cpu_check_linear(const void *device, const char *name, const rapt_linear_weights *linear, rapt_error *error) {
  const rapt_context *context = device;
  if (linear == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is NULL", name);
  if (linear->handle.backend != NULL) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s was packed for another device; this context's is the CPU", name);
  }
  int32_t isa = ((const rapt_cpu_linear_weights *)linear)->isa;
  if (isa != context->kernels.isa) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s was packed for the tier %s; this context's is %s", name,
                     rapt_isa_name(isa), rapt_isa_name(context->kernels.isa));
  }
  return RAPT_OK;
}

static rapt_status prepare(const rapt_context *context, const rapt_linear *from, rapt_linear *call,
                           rapt_linear_problem *projection, rapt_cpu_linears *group, rapt_error *error) {
  rapt_status status = rapt_linear_validate(context, rapt_cpu_check_linear, from, call, projection, error);
  if (status == RAPT_OK) status = rapt_check_no_stream(call->stream, error);
  if (status != RAPT_OK) return status;
  const rapt_linear_problem *one = projection;
  if (!rapt_cpu_plan_linears(context, &one, 1, group)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "batch %" PRId64 " times rows %" PRId64 " overflows 64 bits",
                     call->batch, call->rows);
  }
  return RAPT_OK;
}

rapt_status rapt_linear_plan(const rapt_context *context, const rapt_linear *from, rapt_plan *plan,
                             rapt_error *error) {
  rapt_linear call;
  rapt_linear_problem projection;
  rapt_cpu_linears group;
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  if (context->backend != NULL) return context->backend->linear_plan(context->state, from, plan, error);
  rapt_status status = rapt_check_output(plan, "rapt_plan", error);
  if (status == RAPT_OK) status = prepare(context, from, &call, &projection, &group, error);
  if (status != RAPT_OK) return status;
  char name[sizeof plan->name];
  snprintf(name, sizeof name, "linear_f32_%s_%" PRId64 "x%" PRId64, rapt_isa_name(context->kernels.isa),
           call.linear->in_features, call.linear->out_features);
  rapt_write_plan(context, group.scratch, group.share.slots, name, plan);
  return RAPT_OK;
}

rapt_status rapt_linear_run(rapt_context *context, const rapt_linear *from, rapt_error *error) {
  rapt_linear call;
  rapt_linear_problem projection;
  rapt_cpu_linears group;
  rapt_call_memory memory;
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  if (context->backend != NULL) return context->backend->linear_run(context->state, from, error);
  rapt_status status = prepare(context, from, &call, &projection, &group, error);
  if (status != RAPT_OK) return status;
  status = rapt_call_memory_begin(context, call.scratch, call.scratch_size, group.scratch, &memory, error);
  if (status != RAPT_OK) return status;
  const rapt_linear_problem *one = &projection;
  rapt_cpu_execute_linears(context, &one, &group, memory.base);
  rapt_call_memory_end(context, &memory);
  return RAPT_OK;
}

rapt_status rapt_linear_run_held(rapt_context *context, const rapt_linear *call, rapt_error *error,
                                 const void *input, const void *output) {
  (void)input, (void)output;
  return rapt_linear_run(context, call, error);
}
