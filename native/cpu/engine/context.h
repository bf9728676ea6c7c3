// SPDX-License-Identifier: Apache-2.0
#ifndef RAPT_CPU_ENGINE_CONTEXT_H
#define RAPT_CPU_ENGINE_CONTEXT_H

#include "call/backend.h"
#include "cpu/kernels/kernels.h"
#include "cpu/engine/slabs.h"
#include "cpu/engine/threads.h"
#include "rapt/rapt.h"

struct rapt_context {
  // NULL for the CPU; for another device nothing below `state` is used.
  const rapt_backend *backend;
  void *state;
  rapt_kernels kernels;
  int32_t threads;
  rapt_pool *pool;
  // Its own locks; a const context can still be planned with, which touches none of this.
  rapt_slabs slabs;
};

// The memory of one call: the caller's where given, else borrowed.
typedef struct rapt_call_memory {
  void *base;
  rapt_slab *slab;
} rapt_call_memory;

// `given` may be NULL; where it is not, it has passed rapt_check_scratch and given_size must reach `needed`.
rapt_status rapt_call_memory_begin(rapt_context *context, void *given, int64_t given_size, int64_t needed,
                                   rapt_call_memory *memory, rapt_error *error);
void rapt_call_memory_end(rapt_context *context, rapt_call_memory *memory);

// Fills a caller's plan; name is the kernel's.
void rapt_write_plan(const rapt_context *context, int64_t scratch, int32_t threads, const char *name, rapt_plan *out);

#endif
