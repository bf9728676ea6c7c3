// SPDX-License-Identifier: Apache-2.0
#include "cpu/engine/engine.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "cpu/device.h"
#include "cpu/engine/features.h"

#define MOST_THREADS 1024

static rapt_status check_options(const rapt_context_options *o, rapt_error *error) {
  if (o->ordinal != 0) {
    return rapt_fail(error, RAPT_DEVICE_UNAVAILABLE, "ordinal is %d; the CPU has only 0", o->ordinal);
  }
  if (o->threads < 0 || o->threads > MOST_THREADS) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "threads is %d; allowed: 0 (all) to %d", o->threads, MOST_THREADS);
  }
  if (o->cuda_context != RAPT_CUDA_CONTEXT_PRIMARY) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "cuda_context is %d; allowed for the CPU: %d", o->cuda_context,
                     RAPT_CUDA_CONTEXT_PRIMARY);
  }
  if (o->affinity != RAPT_AFFINITY_NONE && o->affinity != RAPT_AFFINITY_WORKERS) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "affinity is %d; allowed: %d (none) and %d (workers)", o->affinity,
                     RAPT_AFFINITY_NONE, RAPT_AFFINITY_WORKERS);
  }
  return RAPT_OK;
}

rapt_status rapt_cpu_context_create(const rapt_context_options *o, rapt_context **out, rapt_error *error) {
  int32_t isa;
  RAPT_CHECK(check_options(o, error));
  RAPT_CHECK(rapt_resolve_isa(o->isa, &isa, error));
  rapt_reading reading;
  RAPT_CHECK(rapt_reading_from_environment(&reading, error));
  rapt_cpu_context *context = calloc(1, sizeof *context);
  if (context == NULL) return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for a context");
  context->head = (rapt_context){.device = &rapt_cpu_device, .isa = isa};
  rapt_kernels_fill(isa, &context->kernels);
  if (rapt_isa_has_vnni(isa)) rapt_kernels_use_vnni(&context->kernels);
  context->machine = rapt_machine_here();
  context->reading = reading;
  context->threads = o->threads != 0 ? o->threads : rapt_logical_cpus("");
  if (context->threads > MOST_THREADS) context->threads = MOST_THREADS;
  context->pool = rapt_pool_create(context->threads, o->affinity == RAPT_AFFINITY_WORKERS);
  if (context->pool == NULL) {
    int32_t workers = context->threads - 1;
    free(context);
    return rapt_fail(error, RAPT_OUT_OF_MEMORY, "could not start %d worker threads", workers);
  }
  rapt_slabs_init(&context->slabs);
  *out = &context->head;
  return RAPT_OK;
}

void rapt_cpu_context_destroy(rapt_context *head) {
  rapt_cpu_context *context = (rapt_cpu_context *)head;
  rapt_pool_destroy(context->pool);
  rapt_slabs_destroy(&context->slabs);
  free(context);
}

rapt_status rapt_cpu_context_get_info(const rapt_context *head, rapt_context_info *out, rapt_error *error) {
  (void)error;
  const rapt_cpu_context *context = (const rapt_cpu_context *)head;
  out->device = RAPT_DEVICE_CPU;
  out->threads = context->threads;
  out->isa = head->isa;
  rapt_cpu_name(out->name, sizeof out->name);
  return RAPT_OK;
}

rapt_status rapt_call_memory_begin(rapt_cpu_context *context, const rapt_head *head, int64_t needed,
                                   rapt_call_memory *memory, rapt_error *error) {
  memory->slab = NULL;
  memory->base = head->scratch;
  if (needed == 0) return RAPT_OK;
  if (head->scratch != NULL) {
    if (head->scratch_size >= needed) return RAPT_OK;
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "scratch_size is %" PRId64 "; the plan needs %" PRId64,
                     head->scratch_size, needed);
  }
  memory->slab = rapt_slabs_borrow(&context->slabs, needed);
  if (memory->slab == NULL) {
    return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for %" PRId64 " bytes of scratch", needed);
  }
  memory->base = rapt_slab_memory(memory->slab);
  return RAPT_OK;
}

void rapt_call_memory_end(rapt_cpu_context *context, rapt_call_memory *memory) {
  if (memory->slab != NULL) rapt_slabs_return(&context->slabs, memory->slab);
}
