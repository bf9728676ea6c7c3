// SPDX-License-Identifier: Apache-2.0
// Device and pinned memory, copies, streams and events; on the emulated device its failures too.
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "support/check.h"

#define MIB ((int64_t)1 << 20)

// error.device_code of an allocation that does not fit; cudaErrorMemoryAllocation.
enum { OUT_OF_MEMORY_CODE = 2 };

static void check_info(rapt_context *context) {
  rapt_context_info info = {.struct_size = sizeof info};
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_context_get_info(context, &info, &error) == RAPT_OK, "info: %s", error.message);
  CHECK(info.device == RAPT_DEVICE_CUDA && info.ordinal == 0 && info.isa == 0, "device %d, ordinal %d, isa %d",
        info.device, info.ordinal, info.isa);
  CHECK(info.compute_capability >= 80 && info.driver_version >= 13000 && info.name[0], "capability %d, driver %d, '%s'",
        info.compute_capability, info.driver_version, info.name);
}

static void check_copies(rapt_context *context) {
  enum { BYTES = 1000 };
  unsigned char host[BYTES], back[BYTES];
  rapt_error error = {.struct_size = sizeof error};
  for (int i = 0; i < BYTES; i++) host[i] = (unsigned char)(i * 31);
  void *pinned = NULL;
  CHECK(rapt_memory_allocate(context, RAPT_MEMORY_PINNED, BYTES, &pinned, &error) == RAPT_OK, "pinned: %s",
        error.message);
  memcpy(pinned, host, BYTES);
  rapt_stream *stream = NULL;
  CHECK(rapt_stream_create(context, &stream, &error) == RAPT_OK, "stream: %s", error.message);
  rapt_stream *streams[] = {NULL, stream};
  for (int n = 0; n < 2; n++) {
    void *device = cuda_allocate(context, BYTES), *other = cuda_allocate(context, BYTES);
    memset(back, 0, BYTES);
    CHECK(rapt_memory_copy(context, device, pinned, BYTES, streams[n], &error) == RAPT_OK, "in: %s", error.message);
    CHECK(rapt_memory_copy(context, other, device, BYTES, streams[n], &error) == RAPT_OK, "over: %s", error.message);
    CHECK(rapt_memory_copy(context, back, other, BYTES, streams[n], &error) == RAPT_OK, "out: %s", error.message);
    if (streams[n] != NULL) {
      CHECK(rapt_stream_synchronize(streams[n], &error) == RAPT_OK, "synchronize: %s", error.message);
    }
    CHECK(!memcmp(host, back, BYTES), "other bytes came back, stream %d", n);
    cuda_release(context, other);
    cuda_release(context, device);
  }
  CHECK(rapt_memory_copy(context, NULL, NULL, 0, NULL, &error) == RAPT_OK, "nothing to copy: %s", error.message);
  CHECK(rapt_memory_free(context, RAPT_MEMORY_PINNED, pinned, &error) == RAPT_OK, "free: %s", error.message);
  rapt_stream_destroy(stream);
}

static void check_freeing(rapt_context *context) {
  rapt_error error = {.struct_size = sizeof error};
  char local;
  void *device = cuda_allocate(context, 16);
  CHECK(rapt_memory_free(context, RAPT_MEMORY_PINNED, device, &error) == RAPT_DEVICE_FAILURE && error.device_code != 0,
        "device memory freed as pinned memory");
  CHECK(rapt_memory_free(context, RAPT_MEMORY_DEVICE, &local, &error) == RAPT_DEVICE_FAILURE && error.device_code != 0,
        "the stack freed as device memory");
  cuda_release(context, device);
  CHECK(rapt_memory_free(context, RAPT_MEMORY_DEVICE, device, &error) == RAPT_DEVICE_FAILURE, "freed twice");
  CHECK(rapt_memory_free(context, RAPT_MEMORY_DEVICE, NULL, &error) == RAPT_OK, "NULL: %s", error.message);
  void *none = &local;
  CHECK(rapt_memory_allocate(context, RAPT_MEMORY_DEVICE, 0, &none, &error) == RAPT_OK && none == NULL, "0 bytes");
}

// A device of 8 MiB: what does not fit is refused with the device's code, and the context goes on.
static void check_out_of_memory(rapt_context *context) {
  rapt_error error = {.struct_size = sizeof error};
  int64_t before = 0, available = 0, total = 0;
  CHECK(rapt_memory_get_info(context, &before, &total, &error) == RAPT_OK && total == 8 * MIB && before == total,
        "%lld of %lld bytes free", (long long)before, (long long)total);
  void *half = cuda_allocate(context, 5 * MIB), *more = &error;
  CHECK(rapt_memory_allocate(context, RAPT_MEMORY_DEVICE, 4 * MIB, &more, &error) == RAPT_OUT_OF_MEMORY, "9 of 8 MiB");
  CHECK(more == NULL, "a failed allocation gave out memory");
  CHECK(error.device_code == OUT_OF_MEMORY_CODE && strstr(error.message, "4194304 bytes of device memory") != NULL &&
            strstr(error.message, "cudaErrorMemoryAllocation (2)") != NULL,
        "code %d, message %s", error.device_code, error.message);
  CHECK(rapt_memory_get_info(context, &available, &total, &error) == RAPT_OK && available == 3 * MIB, "%lld bytes free",
        (long long)available);
  cuda_release(context, half);
  void *all = cuda_allocate(context, 8 * MIB);
  cuda_release(context, all);
  CHECK(rapt_memory_allocate(context, RAPT_MEMORY_DEVICE, INT64_MAX, &more, &error) == RAPT_OUT_OF_MEMORY,
        "2^63 - 1 bytes");
}

static void check_events(rapt_context *context) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_stream *stream = NULL, *foreign = NULL;
  rapt_event *start = NULL, *end = NULL;
  CHECK(rapt_stream_create(context, &stream, &error) == RAPT_OK, "stream: %s", error.message);
  CHECK(rapt_stream_wrap(context, NULL, &foreign, &error) == RAPT_OK, "the default stream: %s", error.message);
  CHECK(rapt_event_create(context, &start, &error) == RAPT_OK, "event: %s", error.message);
  CHECK(rapt_event_create(context, &end, &error) == RAPT_OK, "event: %s", error.message);
  CHECK(rapt_event_record(start, stream, &error) == RAPT_OK, "record: %s", error.message);
  CHECK(rapt_stream_wait(foreign, start, &error) == RAPT_OK, "wait: %s", error.message);
  CHECK(rapt_event_record(end, foreign, &error) == RAPT_OK, "record: %s", error.message);
  CHECK(rapt_event_synchronize(end, &error) == RAPT_OK, "synchronize: %s", error.message);
  int32_t done = -1;
  CHECK(rapt_event_query(start, &done, &error) == RAPT_OK && done == 1, "query: %d", done);
  float elapsed = -1;
  CHECK(rapt_event_elapsed(start, end, &elapsed, &error) == RAPT_OK && elapsed >= 0, "elapsed %g ms", (double)elapsed);
  rapt_event_destroy(end);
  rapt_event_destroy(start);
  rapt_stream_destroy(foreign);
  rapt_stream_destroy(stream);
}

// A lost device: the code and its name in the message, wherever a call waits.
static void check_fault(rapt_context *context) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_stream *stream = NULL;
  CHECK(rapt_stream_create(context, &stream, &error) == RAPT_OK, "stream: %s", error.message);
  setenv("RAPT_EMULATED_FAULT", "700", 1);
  for (int repeat = 0; repeat < 2; repeat++) {
    CHECK(rapt_stream_synchronize(stream, &error) == RAPT_DEVICE_FAILURE && error.device_code == 700, "code %d",
          error.device_code);
    CHECK(strstr(error.message, "cudaErrorIllegalAddress (700)") != NULL && strstr(error.message, "restarted") != NULL,
          "message: %s", error.message);
  }
  char byte = 0;
  void *memory = cuda_allocate(context, 1);
  CHECK(rapt_memory_copy(context, memory, &byte, 1, NULL, &error) == RAPT_DEVICE_FAILURE, "a copy on a lost device");
  CHECK(rapt_memory_free(context, RAPT_MEMORY_DEVICE, memory, &error) == RAPT_DEVICE_FAILURE,
        "freeing hides that the device is lost");
  unsetenv("RAPT_EMULATED_FAULT");
  rapt_stream_destroy(stream);
}

// Two devices: streams and events stay on theirs.
static void check_two_devices(rapt_context *first) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *second = cuda_context(1);
  rapt_stream *stream = NULL;
  rapt_event *event = NULL;
  CHECK(rapt_stream_create(second, &stream, &error) == RAPT_OK, "stream: %s", error.message);
  CHECK(rapt_event_create(first, &event, &error) == RAPT_OK, "event: %s", error.message);
  char byte = 1;
  void *memory = cuda_upload(first, &byte, 1);
  CHECK(rapt_memory_copy(first, memory, &byte, 1, stream, &error) == RAPT_INVALID_ARGUMENT, "another device's stream");
  CHECK(strstr(error.message, "device 1") != NULL && strstr(error.message, "device is 0") != NULL, "message: %s",
        error.message);
  CHECK(rapt_event_record(event, stream, &error) == RAPT_INVALID_ARGUMENT, "another device's event");
  void *other = cuda_upload(second, &byte, 1);
  CHECK(rapt_memory_copy(second, other, memory, 1, NULL, &error) == RAPT_OK, "between devices: %s", error.message);
  cuda_release(second, other);
  cuda_release(first, memory);
  rapt_event_destroy(event);
  rapt_stream_destroy(stream);
  rapt_context_destroy(second);
}

// Any device: more than it has is refused with its code, and the context goes on.
static void check_too_much(rapt_context *context) {
  rapt_error error = {.struct_size = sizeof error};
  int64_t available = 0, total = 0;
  void *memory = &error;
  CHECK(rapt_memory_get_info(context, &available, &total, &error) == RAPT_OK && available <= total, "info: %s",
        error.message);
  CHECK(rapt_memory_allocate(context, RAPT_MEMORY_DEVICE, total + 1, &memory, &error) == RAPT_OUT_OF_MEMORY &&
            memory == NULL,
        "more than all memory");
  CHECK(error.device_code == OUT_OF_MEMORY_CODE, "code %d: %s", error.device_code, error.message);
  check_copies(context);
}

static void check_failures_of_emulated(rapt_context *context) {
  check_freeing(context);
  check_out_of_memory(context);
  check_two_devices(context);
  check_fault(context);
  int64_t available = 0, total = 0;
  CHECK(rapt_memory_get_info(context, &available, &total, NULL) == RAPT_OK && available == total,
        "%lld bytes were not given back", (long long)(total - available));
}

int main(void) {
  check_start();
  setenv("RAPT_EMULATED_DEVICES", "2", 1);
  setenv("RAPT_EMULATED_MEMORY", "8388608", 1);
  rapt_context *context = cuda_context(0);
  check_info(context);
  check_copies(context);
  check_events(context);
  check_too_much(context);
  if (cuda_is_emulated(context)) check_failures_of_emulated(context);
  rapt_context_destroy(context);
  return check_finish("cuda_abi_memory_test");
}
