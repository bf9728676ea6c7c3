// SPDX-License-Identifier: Apache-2.0
// rapt_memory_* on the device.
#include <cinttypes>
#include <cstdio>

#include "cuda/runtime/failure.h"
#include "cuda/runtime/state.h"

rapt_status rapt_cuda_memory_allocate(rapt_context *context, int32_t kind, int64_t bytes, void **out,
                                      rapt_error *error) {
  rapt_cuda_scope scope(rapt_cuda_context_of(context)->native);
  RAPT_CHECK(scope.check(error));
  bool pinned = kind == RAPT_MEMORY_PINNED;
  size_t size = static_cast<size_t>(bytes);
  driver_code code = pinned ? driver_allocate_pinned(size, out) : driver_allocate(size, out);
  if (code == DRIVER_SUCCESS) return RAPT_OK;
  *out = nullptr;
  char what[96];
  snprintf(what, sizeof what, "allocating %" PRId64 " bytes of %s memory", bytes, pinned ? "pinned host" : "device");
  return rapt_cuda_check(code, what, error);
}

rapt_status rapt_cuda_memory_free(rapt_context *context, int32_t kind, void *memory, rapt_error *error) {
  rapt_cuda_scope scope(rapt_cuda_context_of(context)->native);
  RAPT_CHECK(scope.check(error));
  // The memory is freed also where waiting reports a failure of earlier work.
  driver_code waited = rapt_cuda_wait_for_streams(rapt_cuda_context_of(context));
  driver_code code = kind == RAPT_MEMORY_PINNED ? driver_release_pinned(memory) : driver_release(memory);
  RAPT_CHECK(rapt_cuda_check(waited, "work that may use the memory", error));
  return rapt_cuda_check(code, kind == RAPT_MEMORY_PINNED ? "freeing pinned host memory" : "freeing device memory",
                         error);
}

rapt_status rapt_cuda_memory_get_info(rapt_context *context, int64_t *free_bytes, int64_t *total_bytes,
                                      rapt_error *error) {
  rapt_cuda_scope scope(rapt_cuda_context_of(context)->native);
  RAPT_CHECK(scope.check(error));
  size_t available = 0, total = 0;
  RAPT_CHECK(rapt_cuda_check(driver_memory_info(&available, &total), "asking for the device's memory", error));
  *free_bytes = static_cast<int64_t>(available);
  *total_bytes = static_cast<int64_t>(total);
  return RAPT_OK;
}

rapt_status rapt_cuda_memory_copy(rapt_context *context, void *to, const void *from, int64_t bytes, rapt_stream *given,
                                  rapt_error *error) {
  rapt_cuda_scope scope(rapt_cuda_context_of(context)->native);
  RAPT_CHECK(scope.check(error));
  if (given != nullptr) {
    bool captures = false;
    RAPT_CHECK(rapt_cuda_check_stream(context, given, error));
    RAPT_CHECK(rapt_cuda_captures(given, &captures, error));
  }
  rapt_stream *stream = given != nullptr ? given : &rapt_cuda_context_of(context)->stream;
  RAPT_CHECK(
      rapt_cuda_check(driver_copy(to, from, static_cast<size_t>(bytes), stream->native), "enqueueing a copy", error));
  return given != nullptr ? RAPT_OK : rapt_cuda_stream_synchronize(stream, error);
}
