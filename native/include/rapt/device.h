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

/** Kinds of devices. */
enum {
  RAPT_DEVICE_CPU = 0,
  /** An NVIDIA GPU, through the plug-in librapt_cuda.so, which is opened on first use and needs only the driver. */
  RAPT_DEVICE_CUDA = 1
};

/**
 * A device with its worker threads and its scratch memory. Thread-safe: any number of threads may run operations on one
 * context at the same time. They share its workers, which help only while fewer threads compute than the context
 * counts, callers included. On one tier or one kind of GPU equal inputs give equal bits, whatever the number of threads
 * and callers and whatever else is in the batch (batch invariance).
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

/** In which CUDA context (CUcontext) a context works, whatever is current on the threads that use it. */
enum {
  /** The device's primary one, which the CUDA runtime and most libraries use, and which is kept until the process ends.
   */
  RAPT_CUDA_CONTEXT_PRIMARY = 0,
  /**
   * The one that is current on the thread that creates the context, as cuCtxCreate makes them; it must be of the device
   * that ordinal names. Its owner keeps it until the context and all that was made with it are destroyed. Memory of the
   * same device's other CUDA contexts is refused, and so are streams that Rapt made in them.
   */
  RAPT_CUDA_CONTEXT_CURRENT = 1
};

/** As ordinal of a CUDA context: the first GPU that opens. */
enum { RAPT_FIRST_USABLE = -1 };

/**
 * When a CUDA context is created, every kernel is checked on that GPU: on tiny problems, in a CUDA context of the
 * check's own, well under a second. The result is kept in the folder rapt/selfcheck of the environment variable
 * XDG_CACHE_HOME, or else of .cache in HOME, for this GPU, driver and build of the plug-in; where it cannot be kept,
 * every process checks anew. Kernels that fail are left out. A kernel that never ends cannot be stopped.
 */
enum {
  /** Take the result that an earlier run has left, if there is one. */
  RAPT_SELFCHECK_REMEMBERED = 0,
  /** Check in any case. */
  RAPT_SELFCHECK_AGAIN = 1
};

/** How to create a context. All zero but struct_size is the CPU with its defaults. */
typedef struct rapt_context_options {
  /** sizeof(rapt_context_options) as the caller knows it. */
  int64_t struct_size;
  /** RAPT_DEVICE_*. */
  int32_t device;
  /** Which device of that kind, from 0, or on CUDA RAPT_FIRST_USABLE; 0 for the CPU. */
  int32_t ordinal;
  /**
   * CPU: threads that work on one call, the calling thread among them, 1 to 1024. 0 = as many as rapt_capabilities
   * counts logical CPUs: those of the affinity mask, or fewer under a CPU quota.
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
  /** CUDA: one of RAPT_CUDA_CONTEXT_*. */
  int32_t cuda_context;
  /** CUDA: one of RAPT_SELFCHECK_*. */
  int32_t cuda_selfcheck;
  /** 0. */
  int32_t reserved;
} rapt_context_options;

/** What a context is. */
typedef struct rapt_context_info {
  /** sizeof(rapt_context_info) as the caller knows it; set before the call. */
  int64_t struct_size;
  /** RAPT_DEVICE_*. */
  int32_t device;
  int32_t ordinal;
  /** CPU: how many threads and which tier the options came to. CUDA: 0. */
  int32_t threads;
  int32_t isa;
  /** CUDA: compute capability times ten, 90 for Hopper. CPU: 0. */
  int32_t compute_capability;
  /** CUDA: the driver's version as CUDA counts it, 13000 for 13.0. CPU: 0. */
  int32_t driver_version;
  /** The name of the processor or GPU. */
  char name[128];
} rapt_context_info;

/**
 * Creates a context, which the caller destroys; on failure *out is NULL. options may be NULL for all defaults.
 * RAPT_UNSUPPORTED where this machine cannot run the tier, RAPT_DEVICE_UNAVAILABLE where it has no such device or the
 * plug-in or driver cannot be used, or where on a GPU not even the plain kernels of attention and projections pass the
 * self-check and RAPT_KERNEL forces none. Thread-safe.
 */
RAPT_API rapt_status rapt_context_create(const rapt_context_options *options, rapt_context **out, rapt_error *error);

/**
 * Ends the workers and frees all scratch. NULL is allowed. No call may be running on the context, and its streams and
 * events must have been destroyed before.
 */
RAPT_API void rapt_context_destroy(rapt_context *context);

/** Fills *out. Thread-safe. */
RAPT_API rapt_status rapt_context_get_info(const rapt_context *context, rapt_context_info *out, rapt_error *error);

/**
 * Writes what the self-check of a CUDA context found, as text of at most size bytes with its end: how many checks
 * passed on the first line, then "NAME: REASON" on a line for each that failed. RAPT_UNSUPPORTED on the CPU.
 * Thread-safe.
 */
RAPT_API rapt_status rapt_context_get_selfcheck(const rapt_context *context, char *out, int64_t size,
                                                rapt_error *error);

/** The ways in which attention of few queries reads keys and values that come from memory. All give the same bits. */
enum {
  /** Rows side by side, with requests ahead of them. */
  RAPT_READ_PREFETCH = 0,
  /** Rows in the order of memory, or in a few streams far apart, which the CPU's own prefetchers follow. */
  RAPT_READ_STREAMS = 1
};

/**
 * The ways that a CPU context reads keys and values: those that the environment variable RAPT_READING named when it was
 * created, else the faster ones on this machine; values have one way on the tier avx2. The first call per process and
 * tier tries them, unless a run has done so before; that takes some ten milliseconds. RAPT_UNSUPPORTED on any other
 * device. Thread-safe.
 */
RAPT_API rapt_status rapt_context_get_reading(const rapt_context *context, int32_t *keys, int32_t *values,
                                              rapt_error *error);

/* ---- device memory, streams and events --------------------------------------------------------------- */

/*
 * All of these need a CUDA context; on a CPU context they return RAPT_UNSUPPORTED. Any thread may call them at any
 * time, except that nothing may use what is being destroyed. The library makes the context's CUcontext current in
 * every call and puts the thread's own back afterwards. While a thread captures a stream into a graph, in whatever
 * mode, calls on other streams go on and leave the capture whole.
 */

/** Kinds of memory. */
enum {
  /** Memory of the GPU. */
  RAPT_MEMORY_DEVICE = 1,
  /** Page-locked host memory, which every GPU copies at full speed and without blocking the caller. */
  RAPT_MEMORY_PINNED = 2
};

/** Allocates memory, not zeroed, which the caller gives back with rapt_memory_free; 0 bytes are NULL. */
RAPT_API rapt_status rapt_memory_allocate(rapt_context *context, int32_t kind, int64_t bytes, void **out,
                                          rapt_error *error);
/** Waits for the work of the context's streams, wrapped ones among them, then frees the memory, also where that work
 * has failed, which it reports. A stream that is being captured is not waited for. kind is that of the allocation. NULL
 * is allowed. */
RAPT_API rapt_status rapt_memory_free(rapt_context *context, int32_t kind, void *memory, rapt_error *error);
/** Free and total bytes of the device. */
RAPT_API rapt_status rapt_memory_get_info(rapt_context *context, int64_t *free_bytes, int64_t *total_bytes,
                                          rapt_error *error);

/** A queue of work on a context's device, with scratch of its own. Must be destroyed before the context. */
typedef struct rapt_stream rapt_stream;
/** A point in a stream; passed until it is recorded. Must be destroyed before the context. */
typedef struct rapt_event rapt_event;

/** Creates a stream that does not wait for the default stream; the caller destroys it. */
RAPT_API rapt_status rapt_stream_create(rapt_context *context, rapt_stream **out, rapt_error *error);
/** A view of the caller's own cudaStream_t (NULL = the default stream), which must outlive the view; one of another
 * CUcontext than the context's is refused. The caller destroys the view. While a stream that waits for the default
 * stream is being captured, CUDA lets nobody use the default stream: calls on it are refused then. */
RAPT_API rapt_status rapt_stream_wrap(rapt_context *context, void *cuda_stream, rapt_stream **out, rapt_error *error);
/**
 * Frees the stream and its scratch; of a wrapped one only the scratch. Work that was enqueued still runs, and where it
 * may use that scratch the function waits for it. A capture of the stream stays whole, and the graph uses none of its
 * scratch. NULL is allowed.
 */
RAPT_API void rapt_stream_destroy(rapt_stream *stream);
/** Waits until all work enqueued so far is done, and reports it where some of it failed. Refused with
 * RAPT_INVALID_ARGUMENT while the stream is being captured; the capture stays whole. */
RAPT_API rapt_status rapt_stream_synchronize(rapt_stream *stream, rapt_error *error);
/** Work enqueued on the stream from now on waits for the event. */
RAPT_API rapt_status rapt_stream_wait(rapt_stream *stream, rapt_event *event, rapt_error *error);

RAPT_API rapt_status rapt_event_create(rapt_context *context, rapt_event **out, rapt_error *error);
/** Frees the event; work that waits for it still does. NULL is allowed. */
RAPT_API void rapt_event_destroy(rapt_event *event);
/** Marks the current end of a stream of the same device, on CUDA of the same CUcontext; the event then stands for this
 * point alone. */
RAPT_API rapt_status rapt_event_record(rapt_event *event, rapt_stream *stream, rapt_error *error);
/** Waits until the device has passed the event, and reports it where work before the event failed. */
RAPT_API rapt_status rapt_event_synchronize(rapt_event *event, rapt_error *error);
/** *done = 1 once the device has passed the event, else 0. Never waits. */
RAPT_API rapt_status rapt_event_query(rapt_event *event, int32_t *done, rapt_error *error);
/** Milliseconds from start to end, two recorded events that the device has passed. */
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
