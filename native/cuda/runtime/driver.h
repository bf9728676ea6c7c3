// SPDX-License-Identifier: Apache-2.0
// The interface between the plug-in and the device: everything that the plug-in's runtime asks of CUDA, and nothing
// else. driver_cuda.cpp implements it over the CUDA runtime; linked with another driver, the plug-in runs on another
// device.
//
// Every function acts in the calling thread's current context and returns a cudaError_t, 0 for success.
#ifndef RAPT_CUDA_RUNTIME_DRIVER_H
#define RAPT_CUDA_RUNTIME_DRIVER_H

#include <cstddef>
#include <cstdint>

typedef int driver_code;
typedef void *driver_context;
typedef void *driver_stream;
typedef void *driver_event;

// The values of cudaError_t that the runtime tells apart.
enum : driver_code {
  DRIVER_SUCCESS = 0,
  DRIVER_INVALID_VALUE = 1,
  DRIVER_OUT_OF_MEMORY = 2,
  DRIVER_INSUFFICIENT = 35,
  DRIVER_NO_DEVICE = 100,
  DRIVER_NOT_READY = 600,
  DRIVER_CAPTURE_IMPLICIT = 906
};

// "cudaErrorMemoryAllocation" and "out of memory". Static storage.
const char *driver_code_name(driver_code code);
const char *driver_code_text(driver_code code);

// Clears CUDA's last error of this thread, so that no later call reports it again.
void driver_forget_failure();

// Versions as CUDA counts them (13000): that of the installed driver, 0 where there is none, and the one that the
// plug-in needs.
driver_code driver_version(int *installed, int *needed);
driver_code driver_count(int *devices);

// The device's primary context, which the CUDA runtime works in by itself; never given back, as the runtime does not
// either.
driver_code driver_primary_context(int ordinal, driver_context *out);
// A new context of the device, which is current nowhere; and its end, in which failures of its work go with it.
driver_code driver_create_context(int ordinal, driver_context *out);
driver_code driver_destroy_context(driver_context context);
// The calling thread's current context, NULL where it has none, and the device it is of.
driver_code driver_current_context(driver_context *out, int *ordinal);
// Makes a context current, and the one before it again.
driver_code driver_push_context(driver_context context);
driver_code driver_pop_context();

struct driver_description {
  char name[128];
  // The device's own number, which no other has.
  unsigned char uuid[16];
  int multiprocessors;
  // Ten times the compute capability: 90 for Hopper.
  int capability;
  // Bytes of shared memory that one block can opt in to.
  int64_t shared_per_block_optin;
  // Multi-head attention computes averaged weights in slices of about so many bytes; larger ones are not faster. It
  // must not differ between GPUs, because it decides which kernels run, and these decide the bits.
  int64_t step_bytes;
};
driver_code driver_describe(int ordinal, driver_description *out);

driver_code driver_allocate(size_t bytes, void **out);
driver_code driver_release(void *memory);
driver_code driver_allocate_pinned(size_t bytes, void **out);
driver_code driver_release_pinned(void *memory);
driver_code driver_memory_info(size_t *free_bytes, size_t *total_bytes);

// What a pointer points to: the values of cudaMemoryType.
enum driver_memory : int {
  DRIVER_MEMORY_UNREGISTERED = 0,
  DRIVER_MEMORY_HOST = 1,
  DRIVER_MEMORY_DEVICE = 2,
  DRIVER_MEMORY_MANAGED = 3
};
struct driver_pointer {
  driver_memory memory;
  // Of DRIVER_MEMORY_DEVICE. The context is NULL for memory that belongs to the device itself, as pools are.
  int ordinal;
  driver_context context;
  // Where the current device reads it, NULL where it cannot. It can read unregistered memory where the system lets GPUs
  // reach pageable memory.
  const void *on_device;
};
driver_code driver_look_up(const void *pointer, driver_pointer *out);

// Copies between any two places.
driver_code driver_copy(void *to, const void *from, size_t bytes, driver_stream stream);

// `ordered`: the stream and the legacy default stream wait for each other, as with streams that CUDA makes by default.
driver_code driver_stream_create(bool ordered, driver_stream *out);
driver_code driver_stream_destroy(driver_stream stream);
// The context that the stream is of; the current one for the default stream, which every context has.
driver_code driver_stream_context(driver_stream stream, driver_context *out);
driver_code driver_stream_synchronize(driver_stream stream);
driver_code driver_stream_wait(driver_stream stream, driver_event event);
// Whether the stream is being captured into a graph. DRIVER_CAPTURE_IMPLICIT for the default stream while one that
// waits for it is.
driver_code driver_stream_captures(driver_stream stream, bool *captures);

// How calls of this thread behave while any thread captures a stream: *mode is set, and becomes the one before. In the
// relaxed mode they may take memory and wait, and the capture stays whole as long as they do not wait for what is
// captured; in the others CUDA refuses them and gives the capture up.
enum : int { DRIVER_CAPTURE_RELAXED = 2 };
driver_code driver_exchange_capture_mode(int *mode);

// `timed`: for driver_event_elapsed.
driver_code driver_event_create(bool timed, driver_event *out);
driver_code driver_event_destroy(driver_event event);
driver_code driver_event_record(driver_event event, driver_stream stream);
driver_code driver_event_synchronize(driver_event event);
// DRIVER_NOT_READY while the device has not passed it.
driver_code driver_event_query(driver_event event);
driver_code driver_event_elapsed(driver_event start, driver_event end, float *milliseconds);

#endif
