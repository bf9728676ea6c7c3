// SPDX-License-Identifier: Apache-2.0
// What a device plug-in offers. The CPU is not one: its code is in this library. A plug-in is a shared library that
// exports rapt_backend_entry; it has the core's validation compiled in, so that all devices refuse the same calls with
// the same words.
#ifndef RAPT_CALL_BACKEND_H
#define RAPT_CALL_BACKEND_H

#include "rapt/rapt.h"

// Raised whenever rapt_backend changes: library and plug-in are built together, and a mixed pair must not run.
#define RAPT_BACKEND_VERSION 2

// `state` is the plug-in's own context. Every function is thread-safe. A plug-in's rapt_linear_weights, rapt_stream and
// rapt_event begin with a rapt_handle.
typedef struct rapt_backend {
  int32_t version;
  // NULL where at least one device is usable, else why not, in one sentence. Static storage.
  const char *(*unavailable)(void);
  rapt_status (*context_create)(const rapt_context_options *options, void **state, rapt_error *error);
  void (*context_destroy)(void *state);
  rapt_status (*context_get_info)(void *state, rapt_context_info *out, rapt_error *error);

  rapt_status (*sdpa_plan)(void *state, const rapt_sdpa *call, rapt_plan *plan, rapt_error *error);
  rapt_status (*sdpa_run)(void *state, const rapt_sdpa *call, rapt_error *error);
  rapt_status (*linear_create)(void *state, const rapt_linear_parameters *weights, rapt_linear_weights **out, rapt_error *error);
  void (*linear_destroy)(rapt_linear_weights *linear);
  rapt_status (*linear_plan)(void *state, const rapt_linear *call, rapt_plan *plan, rapt_error *error);
  rapt_status (*linear_run)(void *state, const rapt_linear *call, rapt_error *error);
  rapt_status (*mha_plan)(void *state, const rapt_mha *call, rapt_plan *plan, rapt_error *error);
  rapt_status (*mha_run)(void *state, const rapt_mha *call, rapt_error *error);
  rapt_status (*rope_plan)(void *state, const rapt_rope *call, rapt_plan *plan, rapt_error *error);
  rapt_status (*rope_run)(void *state, const rapt_rope *call, rapt_error *error);

  rapt_status (*memory_allocate)(void *state, int32_t kind, int64_t bytes, void **out, rapt_error *error);
  rapt_status (*memory_free)(void *state, int32_t kind, void *memory, rapt_error *error);
  rapt_status (*memory_get_info)(void *state, int64_t *free_bytes, int64_t *total_bytes, rapt_error *error);
  rapt_status (*memory_copy)(void *state, void *to, const void *from, int64_t bytes, rapt_stream *stream,
                             rapt_error *error);

  rapt_status (*stream_create)(void *state, rapt_stream **out, rapt_error *error);
  rapt_status (*stream_wrap)(void *state, void *native, rapt_stream **out, rapt_error *error);
  void (*stream_destroy)(rapt_stream *stream);
  rapt_status (*stream_synchronize)(rapt_stream *stream, rapt_error *error);
  rapt_status (*stream_wait)(rapt_stream *stream, rapt_event *event, rapt_error *error);
  rapt_status (*event_create)(void *state, rapt_event **out, rapt_error *error);
  void (*event_destroy)(rapt_event *event);
  rapt_status (*event_record)(rapt_event *event, rapt_stream *stream, rapt_error *error);
  rapt_status (*event_synchronize)(rapt_event *event, rapt_error *error);
  rapt_status (*event_query)(rapt_event *event, int32_t *done, rapt_error *error);
  rapt_status (*event_elapsed)(rapt_event *start, rapt_event *end, float *milliseconds, rapt_error *error);
} rapt_backend;

// The head of every handle that a backend gives out; backend is NULL for the CPU.
typedef struct rapt_handle {
  const rapt_backend *backend;
} rapt_handle;

typedef const rapt_backend *(*rapt_backend_entry_function)(void);
#define RAPT_BACKEND_ENTRY "rapt_backend_entry"

// Opens the CUDA plug-in: `path`, else what RAPT_CUDA_LIBRARY names, else librapt_cuda.so beside this library. Once
// opened it stays loaded. Fails with RAPT_DEVICE_UNAVAILABLE and the loader's reason.
rapt_status rapt_open_cuda(const char *path, const rapt_backend **out, rapt_error *error);

#endif
