// SPDX-License-Identifier: Apache-2.0
// The CPU's context: a tier's kernels, workers, and the scratch that calls borrow.
#ifndef RAPT_CPU_ENGINE_ENGINE_H
#define RAPT_CPU_ENGINE_ENGINE_H

#include "call/device.h"
#include "cpu/engine/machine.h"
#include "cpu/engine/reading.h"
#include "cpu/engine/slabs.h"
#include "cpu/engine/threads.h"
#include "cpu/kernels/kernels.h"

typedef struct rapt_cpu_context {
  rapt_context head;
  rapt_kernels kernels;
  rapt_machine machine;
  // The way of reading that the environment asks for; RAPT_READINGS = what this machine does faster.
  rapt_reading reading;
  int32_t threads;
  rapt_pool *pool;
  // Has locks of its own. Plans take a const context and do not touch it.
  rapt_slabs slabs;
} rapt_cpu_context;

// The ways in which this context reads what comes from memory; see rapt_readings_here.
static inline rapt_readings rapt_cpu_readings(const rapt_cpu_context *context) {
  if (context->reading == RAPT_READINGS) return rapt_readings_here(&context->kernels);
  int quarters = context->kernels.quarters.gather_f32 != NULL;
  return (rapt_readings){context->reading, quarters ? RAPT_READING_STREAMS : context->reading};
}

rapt_status rapt_cpu_context_create(const rapt_context_options *options, rapt_context **out, rapt_error *error);
void rapt_cpu_context_destroy(rapt_context *context);
rapt_status rapt_cpu_context_get_info(const rapt_context *context, rapt_context_info *out, rapt_error *error);

// The memory of one call: the caller's where given, else borrowed.
typedef struct rapt_call_memory {
  void *base;
  rapt_slab *slab;
} rapt_call_memory;

rapt_status rapt_call_memory_begin(rapt_cpu_context *context, const rapt_head *head, int64_t needed,
                                   rapt_call_memory *memory, rapt_error *error);
void rapt_call_memory_end(rapt_cpu_context *context, rapt_call_memory *memory);

#endif
