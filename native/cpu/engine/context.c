// SPDX-License-Identifier: Apache-2.0
#include "cpu/engine/context.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cpu/engine/features.h"
#include "base/error.h"
#include "call/params.h"

#define MOST_THREADS 1024

static rapt_status create_cpu(const rapt_context_options *o, rapt_context *context, rapt_error *error) {
  if (o->ordinal != 0) {
    return rapt_fail(error, RAPT_DEVICE_UNAVAILABLE, "ordinal is %d; the CPU has only 0", o->ordinal);
  }
  if (o->threads < 0 || o->threads > MOST_THREADS) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "threads is %d; allowed are 0 (all) to %d", o->threads,
                     MOST_THREADS);
  }
  if (o->affinity != RAPT_AFFINITY_NONE && o->affinity != RAPT_AFFINITY_WORKERS) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "affinity is %d; allowed are %d (none) and %d (workers)",
                     o->affinity, RAPT_AFFINITY_NONE, RAPT_AFFINITY_WORKERS);
  }
  int32_t isa;
  rapt_status status = rapt_resolve_isa(o->isa, &isa, error);
  if (status != RAPT_OK) return status;
  rapt_kernels_fill(isa, &context->kernels);
  context->threads = o->threads != 0 ? o->threads : rapt_logical_cpus();
  if (context->threads > MOST_THREADS) context->threads = MOST_THREADS;
  context->pool = rapt_pool_create(context->threads, o->affinity == RAPT_AFFINITY_WORKERS);
  if (context->pool == NULL) {
    return rapt_fail(error, RAPT_OUT_OF_MEMORY, "could not start %d worker threads", context->threads - 1);
  }
  rapt_slabs_init(&context->slabs);
  return RAPT_OK;
}

static rapt_status create_cuda(const rapt_context_options *o, rapt_context *context, rapt_error *error) {
  const rapt_backend *backend = NULL;
  rapt_status status = rapt_open_cuda(o->cuda_library, &backend, error);
  if (status == RAPT_OK) status = backend->context_create(o, &context->state, error);
  if (status == RAPT_OK) context->backend = backend;
  return status;
}

rapt_status rapt_context_create(const rapt_context_options *options, rapt_context **out, rapt_error *error) {
  if (out == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "out is NULL");
  *out = NULL;
  rapt_context_options o = {.struct_size = sizeof o};
  rapt_status status = RAPT_OK;
  if (options != NULL) status = rapt_read_struct(options, &o, sizeof o, "rapt_context_options", error);
  if (status != RAPT_OK) return status;
  if (o.device != RAPT_DEVICE_CPU && o.device != RAPT_DEVICE_CUDA) {
    return rapt_fail(error, RAPT_UNSUPPORTED, "device is %d; this library has %d (CPU) and %d (CUDA)", o.device,
                     RAPT_DEVICE_CPU, RAPT_DEVICE_CUDA);
  }
  if (o.reserved != 0) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "reserved is %d; allowed is 0", o.reserved);
  rapt_context *context = calloc(1, sizeof *context);
  if (context == NULL) return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for a context");
  status = o.device == RAPT_DEVICE_CPU ? create_cpu(&o, context, error) : create_cuda(&o, context, error);
  if (status != RAPT_OK) {
    free(context);
    return status;
  }
  *out = context;
  return RAPT_OK;
}

void rapt_context_destroy(rapt_context *context) {
  if (context == NULL) return;
  if (context->backend != NULL) {
    context->backend->context_destroy(context->state);
  } else {
    rapt_pool_destroy(context->pool);
    rapt_slabs_destroy(&context->slabs);
  }
  free(context);
}

rapt_status rapt_context_get_info(const rapt_context *context, rapt_context_info *out, rapt_error *error) {
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  rapt_status status = rapt_check_output(out, "rapt_context_info", error);
  if (status != RAPT_OK) return status;
  rapt_context_info info = {0};
  if (context->backend != NULL) {
    status = context->backend->context_get_info(context->state, &info, error);
    if (status != RAPT_OK) return status;
  } else {
    info.threads = context->threads;
    info.isa = context->kernels.isa;
    rapt_cpu_name(info.name, sizeof info.name);
  }
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
  memory->slab = rapt_slabs_borrow(&context->slabs, needed);
  if (memory->slab == NULL) {
    return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for %" PRId64 " bytes of scratch", needed);
  }
  memory->base = rapt_slab_memory(memory->slab);
  return RAPT_OK;
}

void rapt_call_memory_end(rapt_context *context, rapt_call_memory *memory) {
  if (memory->slab != NULL) rapt_slabs_return(&context->slabs, memory->slab);
}

void rapt_write_plan(const rapt_context *context, int64_t scratch, int32_t threads, const char *name, rapt_plan *out) {
  rapt_plan plan = {
      .scratch_size = scratch, .supported = 1, .isa = context->kernels.isa, .threads = threads > 0 ? threads : 1};
  snprintf(plan.name, sizeof plan.name, "%s", name);
  rapt_write_struct(&plan, sizeof plan, out);
}
