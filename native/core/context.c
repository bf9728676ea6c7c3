// SPDX-License-Identifier: Apache-2.0
#include "core/context.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cpu_features.h"
#include "core/error.h"
#include "core/params.h"

#define MOST_THREADS 1024

rapt_status rapt_context_create(const rapt_context_options *options, rapt_context **out, rapt_error *error) {
  if (out == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "out is NULL");
  *out = NULL;
  rapt_context_options o = {.struct_size = sizeof o};
  rapt_status status = RAPT_OK;
  if (options != NULL) status = rapt_read_struct(options, &o, sizeof o, "rapt_context_options", error);
  if (status != RAPT_OK) return status;
  if (o.device != RAPT_DEVICE_CPU) {
    return rapt_fail(error, RAPT_UNSUPPORTED, "device is %d; this library has only %d (CPU)", o.device,
                     RAPT_DEVICE_CPU);
  }
  if (o.ordinal != 0) {
    return rapt_fail(error, RAPT_DEVICE_UNAVAILABLE, "ordinal is %d; the CPU has only 0", o.ordinal);
  }
  if (o.threads < 0 || o.threads > MOST_THREADS) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "threads is %d; allowed are 0 (all) to %d", o.threads, MOST_THREADS);
  }
  int32_t isa;
  status = rapt_resolve_isa(o.isa, &isa, error);
  if (status != RAPT_OK) return status;

  rapt_context *context = calloc(1, sizeof *context);
  if (context == NULL) return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for a context");
  context->threads = o.threads != 0 ? o.threads : rapt_logical_cpus();
  if (context->threads > MOST_THREADS) context->threads = MOST_THREADS;
  rapt_kernels_fill(isa, &context->kernels);
  context->pool = rapt_pool_create(context->threads);
  if (context->pool == NULL) {
    int32_t threads = context->threads;
    free(context);
    return rapt_fail(error, RAPT_OUT_OF_MEMORY, "could not start %d worker threads", threads - 1);
  }
  rapt_scratch_init(&context->scratch);
  *out = context;
  return RAPT_OK;
}

void rapt_context_destroy(rapt_context *context) {
  if (context == NULL) return;
  rapt_pool_destroy(context->pool);
  rapt_scratch_destroy(&context->scratch);
  free(context);
}

rapt_status rapt_context_get_info(const rapt_context *context, rapt_context_info *out, rapt_error *error) {
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  rapt_status status = rapt_check_output(out, "rapt_context_info", error);
  if (status != RAPT_OK) return status;
  rapt_context_info info = {.device = RAPT_DEVICE_CPU, .threads = context->threads, .isa = context->kernels.isa};
  rapt_write_struct(&info, sizeof info, out);
  return RAPT_OK;
}

rapt_status rapt_call_memory_begin(rapt_context *context, void *given, int64_t given_size, int64_t needed,
                                   rapt_call_memory *memory, rapt_error *error) {
  memory->slab = NULL;
  memory->base = given;
  if (needed == 0) return RAPT_OK;
  if (given != NULL) {
    if (given_size < needed) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT, "scratch_size is %" PRId64 "; the plan needs %" PRId64, given_size,
                       needed);
    }
    return RAPT_OK;
  }
  memory->slab = rapt_scratch_borrow(&context->scratch, needed);
  if (memory->slab == NULL) {
    return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for %" PRId64 " bytes of scratch", needed);
  }
  memory->base = rapt_slab_memory(memory->slab);
  return RAPT_OK;
}

void rapt_call_memory_end(rapt_context *context, rapt_call_memory *memory) {
  if (memory->slab != NULL) rapt_scratch_return(&context->scratch, memory->slab);
}

void rapt_write_plan(const rapt_context *context, int64_t scratch, int32_t threads, const char *name, rapt_plan *out) {
  rapt_plan plan = {
      .scratch_size = scratch, .supported = 1, .isa = context->kernels.isa, .threads = threads > 0 ? threads : 1};
  snprintf(plan.name, sizeof plan.name, "%s", name);
  rapt_write_struct(&plan, sizeof plan, out);
}
