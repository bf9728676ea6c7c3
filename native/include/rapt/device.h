/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file device.h
 * @brief Contexts, and the memory, streams and events of their devices.
 */
#ifndef RAPT_DEVICE_H
#define RAPT_DEVICE_H

#include "rapt/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- context ---------------------------------------------------------------------------------------- */

enum {
  RAPT_DEVICE_CPU = 0,
  /** An NVIDIA GPU, through the plug-in librapt_cuda.so, which is opened on first use. Needs only the driver. */
  RAPT_DEVICE_CUDA = 1
};

/**
 * A device with its worker threads and its scratch memory. Thread-safe: any number of threads may run
 * operations on one context at the same time; they share its workers and never oversubscribe them. Equal
 * inputs give equal bits, whatever the number of threads and callers and whatever else is in the batch: results are
 * batch-invariant on every device.
 */
typedef struct rapt_context rapt_context;

/** Where a context's workers may run. */
enum {
  /** On any CPU the process may use: the operating system decides. */
  RAPT_AFFINITY_NONE = 0,
  /**
   * Each worker on one CPU of those that the thread creating the context may use, from the second on; the first is left
   * to callers, which are never bound. For a process that has these CPUs to itself: a bound worker cannot step aside.
   */
  RAPT_AFFINITY_WORKERS = 1
};

typedef struct rapt_context_options {
  int64_t struct_size;
  /** RAPT_DEVICE_*. */
  int32_t device;
  /** Which device of that kind, from 0; 0 for the CPU. */
  int32_t ordinal;
  /**
   * Threads that work on one call, the calling thread among them; at most 1024. 0 = as many as rapt_capabilities counts
   * logical CPUs: those of the affinity mask, or fewer under a CPU quota.
   */
  int32_t threads;
  /** CPU: one of RAPT_ISA_*. A tier this machine cannot run is RAPT_UNSUPPORTED. */
  int32_t isa;
  /**
   * CUDA: path of librapt_cuda.so. NULL = what the environment variable RAPT_CUDA_LIBRARY names, else the one beside
   * this library.
   */
  const char *cuda_library;
  /** CPU: one of RAPT_AFFINITY_*. */
  int32_t affinity;
  /** Must be 0. */
  int32_t reserved;
} rapt_context_options;

typedef struct rapt_context_info {
  int64_t struct_size;
  int32_t device;
  int32_t ordinal;
  /** CPU: as resolved. CUDA: 0. */
  int32_t threads;
  int32_t isa;
  /** CUDA: compute capability times ten (90 for Hopper), driver version as the driver counts (13000), device name. */
  int32_t compute_capability;
  int32_t driver_version;
  char name[128];
} rapt_context_info;

/** options may be NULL for all defaults. On success *out owns threads and memory until destroyed. */
RAPT_API rapt_status rapt_context_create(const rapt_context_options *options, rapt_context **out, rapt_error *error);

/** Ends the workers and frees all scratch. NULL is allowed. No call may be running on the context. */
RAPT_API void rapt_context_destroy(rapt_context *context);

RAPT_API rapt_status rapt_context_get_info(const rapt_context *context, rapt_context_info *out, rapt_error *error);

/* ---- device memory, streams and events --------------------------------------------------------------- */

/*
 * All of these need a CUDA context; on a CPU context they return RAPT_UNSUPPORTED. Thread-safe; the library sets the
 * CUDA device itself in every call, so they may come from any thread.
 */

enum {
  /** Memory of the GPU. */
  RAPT_MEMORY_DEVICE = 1,
  /** Page-locked host memory, which the GPU copies at full speed and without blocking the caller. */
  RAPT_MEMORY_PINNED = 2
};

/** *out is owned by the caller until rapt_memory_free; bytes may be 0, which gives NULL. */
RAPT_API rapt_status rapt_memory_allocate(rapt_context *context, int32_t kind, int64_t bytes, void **out,
                                          rapt_error *error);
/** NULL is allowed. Waits for the device to finish with the memory. */
RAPT_API rapt_status rapt_memory_free(rapt_context *context, int32_t kind, void *memory, rapt_error *error);
/** Free and total bytes of the device. */
RAPT_API rapt_status rapt_memory_get_info(rapt_context *context, int64_t *free_bytes, int64_t *total_bytes,
                                          rapt_error *error);

/** A queue of work on a context's device. Must be destroyed before the context. */
typedef struct rapt_stream rapt_stream;
/** A point in a stream. Must be destroyed before the context. */
typedef struct rapt_event rapt_event;

RAPT_API rapt_status rapt_stream_create(rapt_context *context, rapt_stream **out, rapt_error *error);
/** A view of the caller's own cudaStream_t (NULL = the default stream), which stays the caller's. */
RAPT_API rapt_status rapt_stream_wrap(rapt_context *context, void *cuda_stream, rapt_stream **out, rapt_error *error);
/** NULL is allowed. Work already enqueued still runs. */
RAPT_API void rapt_stream_destroy(rapt_stream *stream);
/** Waits until all work enqueued so far is done; a failure of that work is reported here. */
RAPT_API rapt_status rapt_stream_synchronize(rapt_stream *stream, rapt_error *error);
/** Work enqueued on the stream from now on waits for the event. */
RAPT_API rapt_status rapt_stream_wait(rapt_stream *stream, rapt_event *event, rapt_error *error);

RAPT_API rapt_status rapt_event_create(rapt_context *context, rapt_event **out, rapt_error *error);
/** NULL is allowed. */
RAPT_API void rapt_event_destroy(rapt_event *event);
RAPT_API rapt_status rapt_event_record(rapt_event *event, rapt_stream *stream, rapt_error *error);
RAPT_API rapt_status rapt_event_synchronize(rapt_event *event, rapt_error *error);
/** *done = 1 once the device has passed the event, else 0. */
RAPT_API rapt_status rapt_event_query(rapt_event *event, int32_t *done, rapt_error *error);
/** Milliseconds between two recorded events that the device has passed. */
RAPT_API rapt_status rapt_event_elapsed(rapt_event *start, rapt_event *end, float *milliseconds, rapt_error *error);

/**
 * Copies bytes between any two of host, pinned and device memory. With a stream the copy is enqueued and both sides
 * must stay valid until the stream has passed it; with NULL it is complete on return.
 */
RAPT_API rapt_status rapt_memory_copy(rapt_context *context, void *to, const void *from, int64_t bytes,
                                      rapt_stream *stream, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RAPT_DEVICE_H */
