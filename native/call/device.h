// SPDX-License-Identifier: Apache-2.0
// A device is a table of functions; those for an operation are indexed by its number. The CPU's table is in this
// library; a plug-in is a shared library that exports rapt_device_entry, which returns its table.
#ifndef RAPT_CALL_DEVICE_H
#define RAPT_CALL_DEVICE_H

#include "call/check.h"
#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

// Raise the last term whenever rapt_device, an operation's problem or a rule changes: library and plug-in are built
// together, and a mixed pair must not run. A new operation raises the number by itself.
#define RAPT_DEVICE_VERSION (100 * RAPT_OPERATIONS + 5)

typedef struct rapt_device rapt_device;

// The head of every device's context.
struct rapt_context {
  const rapt_device *device;
  // CPU: the tier. Elsewhere 0.
  int32_t isa;
};

// The head of every handle that a device gives out: streams, events, packed weights.
typedef struct rapt_handle {
  const rapt_device *device;
} rapt_handle;

// What a plan needs, or why the call is not supported.
typedef struct rapt_needs {
  // Bytes.
  int64_t scratch;
  int32_t threads;
  // Empty where the call is supported.
  char reason[256];
} rapt_needs;

// How a device does one operation. The problem is a struct of the operation, the plan a struct of the device.
typedef struct rapt_device_operation {
  // Pure. Fills in *plan and *needs, and may refine the problem for run. Sizes whose product overflows are an error.
  rapt_status (*plan)(const rapt_context *context, void *problem, void *plan, rapt_needs *needs, rapt_error *error);
  // The plan's name, rendered when somebody asks.
  void (*name)(const rapt_context *context, const void *problem, const void *plan, char *out, size_t size);
  // Checks what only the values in memory tell, such as indices, before anything is written. NULL = nothing to check.
  rapt_status (*prepare)(rapt_context *context, const void *problem, rapt_error *error);
  // Computes, with needs.scratch bytes of scratch; on a device with streams it enqueues the work.
  rapt_status (*run)(rapt_context *context, void *problem, const void *plan, void *scratch, rapt_stream *stream,
                     rapt_error *error);
} rapt_device_operation;

// A call that was checked and planned, on its way to run.
typedef struct rapt_planned {
  const rapt_checked *checked;
  const rapt_device_operation *operation;
  void *problem;
  const void *plan;
  const rapt_needs *needs;
} rapt_planned;

// Every function is thread-safe.
struct rapt_device {
  int32_t version;
  // "cpu", "cuda".
  const char *word;
  // NULL where at least one device is usable, else why not, in one sentence. Static storage.
  const char *(*unavailable)(void);
  rapt_status (*context_create)(const rapt_context_options *options, rapt_context **out, rapt_error *error);
  void (*context_destroy)(rapt_context *context);
  rapt_status (*context_get_info)(const rapt_context *context, rapt_context_info *out, rapt_error *error);

  // Indexed by the operation's number.
  const rapt_device_operation *operations[RAPT_OPERATIONS];
  // Finds scratch and stream for a planned call, prepares and runs it.
  rapt_status (*execute)(rapt_context *context, const rapt_planned *call, rapt_error *error);
  // Check that a stream, and weights, are of this context's device; `name` is what a message calls the weights.
  rapt_status (*check_stream)(const rapt_context *context, const rapt_stream *stream, rapt_error *error);
  rapt_status (*check_weights)(const rapt_context *context, const char *name, const rapt_linear_weights *weights,
                               rapt_error *error);

  rapt_status (*weights_create)(rapt_context *context, const rapt_linear_parameters *parameters,
                                rapt_linear_weights **out, rapt_error *error);
  void (*weights_destroy)(rapt_linear_weights *weights);

  // All of these are NULL on a device that works in the host's memory.
  rapt_status (*memory_allocate)(rapt_context *context, int32_t kind, int64_t bytes, void **out, rapt_error *error);
  rapt_status (*memory_free)(rapt_context *context, int32_t kind, void *memory, rapt_error *error);
  rapt_status (*memory_get_info)(rapt_context *context, int64_t *free_bytes, int64_t *total_bytes, rapt_error *error);
  rapt_status (*memory_copy)(rapt_context *context, void *to, const void *from, int64_t bytes, rapt_stream *stream,
                             rapt_error *error);
  rapt_status (*stream_create)(rapt_context *context, rapt_stream **out, rapt_error *error);
  rapt_status (*stream_wrap)(rapt_context *context, void *native, rapt_stream **out, rapt_error *error);
  void (*stream_destroy)(rapt_stream *stream);
  rapt_status (*stream_synchronize)(rapt_stream *stream, rapt_error *error);
  rapt_status (*stream_wait)(rapt_stream *stream, rapt_event *event, rapt_error *error);
  rapt_status (*event_create)(rapt_context *context, rapt_event **out, rapt_error *error);
  void (*event_destroy)(rapt_event *event);
  rapt_status (*event_record)(rapt_event *event, rapt_stream *stream, rapt_error *error);
  rapt_status (*event_synchronize)(rapt_event *event, rapt_error *error);
  rapt_status (*event_query)(rapt_event *event, int32_t *done, rapt_error *error);
  rapt_status (*event_elapsed)(rapt_event *start, rapt_event *end, float *milliseconds, rapt_error *error);
};

typedef const rapt_device *(*rapt_device_entry_function)(void);
#define RAPT_DEVICE_ENTRY "rapt_device_entry"

// The device of a kind (RAPT_DEVICE_*), opened where it is a plug-in: `path`, else what RAPT_CUDA_LIBRARY names, else
// librapt_cuda.so beside this library. Once opened it stays loaded. Fails with the reason.
rapt_status rapt_find_device(int32_t kind, const char *path, const rapt_device **out, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif
