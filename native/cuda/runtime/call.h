// SPDX-License-Identifier: Apache-2.0
// What every operation does around its kernels: where its memory is, its stream and scratch, and the plan it shows.
#ifndef RAPT_CUDA_RUNTIME_CALL_H
#define RAPT_CUDA_RUNTIME_CALL_H

#include "cuda/gpu/stream.h"
#include "cuda/runtime/failure.h"
#include "cuda/runtime/state.h"

struct rapt_cuda_argument {
  const char *name;
  const void *data;
};

// That the device reaches the memory; NULL passes. Fails with a sentence that names the argument.
rapt_status rapt_cuda_check_place(const rapt_cuda_context *context, const rapt_cuda_argument &argument,
                                  rapt_error *error);

template <size_t N>
rapt_status rapt_cuda_check_places(const rapt_cuda_context *context, const rapt_cuda_argument (&arguments)[N],
                                   rapt_error *error) {
  for (const rapt_cuda_argument &argument : arguments) RAPT_CHECK(rapt_cuda_check_place(context, argument, error));
  return RAPT_OK;
}

// Scratch as a call describes it.
struct rapt_cuda_memory {
  void *given;
  int64_t given_size;
  int64_t needed;
};

// Calls enqueue(stream, scratch), which returns a cudaError_t, with the stream to itself; then waits where the caller
// gave no stream. The device must be current.
template <typename Enqueue>
rapt_status rapt_cuda_enqueue(rapt_cuda_context *context, rapt_stream *given, const rapt_cuda_memory &memory,
                              const char *what, rapt_error *error, const Enqueue &enqueue);

// Fills a caller's plan; reason NULL = supported.
void rapt_cuda_write_plan(const char *name, const char *reason, int64_t scratch, rapt_plan *out);

// The scratch of a call: the caller's where it gave some, else the stream's, whose mutex is held.
rapt_status rapt_cuda_call_scratch(rapt_cuda_context *context, rapt_stream *stream, const rapt_cuda_memory &memory,
                                   void **out, rapt_error *error);

template <typename Enqueue>
rapt_status rapt_cuda_enqueue(rapt_cuda_context *context, rapt_stream *given, const rapt_cuda_memory &memory,
                              const char *what, rapt_error *error, const Enqueue &enqueue) {
  rapt_stream *stream = nullptr;
  RAPT_CHECK(rapt_cuda_stream_of(context, given, &stream, error));
  {
    std::lock_guard<std::mutex> lock(stream->mutex);
    void *scratch = nullptr;
    RAPT_CHECK(rapt_cuda_call_scratch(context, stream, memory, &scratch, error));
    driver_code code = enqueue(static_cast<gpu_stream>(stream->native), scratch);
    RAPT_CHECK(rapt_cuda_check(code, what, error));
  }
  return given != nullptr ? RAPT_OK : rapt_cuda_check(driver_stream_synchronize(stream->native), what, error);
}

#endif
