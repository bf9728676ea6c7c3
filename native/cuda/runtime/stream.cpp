// SPDX-License-Identifier: Apache-2.0
// rapt_stream_* and rapt_event_*, and the scratch that a stream carries.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <new>

#include "cuda/device.h"
#include "cuda/runtime/failure.h"
#include "cuda/runtime/state.h"

static rapt_status make(rapt_cuda_context *context, driver_stream native, bool owned, rapt_stream **out,
                        rapt_error *error) {
  rapt_stream *stream = new (std::nothrow) rapt_stream();
  if (stream == nullptr) {
    if (owned) driver_stream_destroy(native);
    return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for a stream");
  }
  stream->handle.device = &rapt_cuda_device;
  stream->context = context;
  stream->native = native;
  stream->owned = owned;
  rapt_cuda_enlist(context, stream);
  *out = stream;
  return RAPT_OK;
}

rapt_status rapt_cuda_stream_create(rapt_context *head, rapt_stream **out, rapt_error *error) {
  rapt_cuda_context *context = rapt_cuda_context_of(head);
  rapt_cuda_scope scope(context->native);
  RAPT_CHECK(scope.check(error));
  driver_stream native = nullptr;
  RAPT_CHECK(rapt_cuda_check(driver_stream_create(false, &native), "creating a stream", error));
  return make(context, native, true, out, error);
}

rapt_status rapt_cuda_stream_wrap(rapt_context *head, void *native, rapt_stream **out, rapt_error *error) {
  rapt_cuda_context *context = rapt_cuda_context_of(head);
  rapt_cuda_scope scope(context->native);
  RAPT_CHECK(scope.check(error));
  driver_context owner = nullptr;
  RAPT_CHECK(rapt_cuda_check(driver_stream_context(native, &owner), "asking for the context of cuda_stream", error));
  if (owner != context->native) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "cuda_stream is %p, a stream of another CUDA context; allowed: one of %s of CUDA device %d",
                     native,
                     context->primary ? "the primary context" : "the context that was current when this one was made,",
                     context->ordinal);
  }
  return make(context, native, false, out, error);
}

void rapt_cuda_enlist(rapt_cuda_context *context, rapt_stream *stream) {
  std::lock_guard<std::mutex> lock(context->streams_mutex);
  context->streams.push_back(stream);
}

void rapt_cuda_delist(rapt_cuda_context *context, rapt_stream *stream) {
  std::unique_lock<std::mutex> lock(context->streams_mutex);
  auto &all = context->streams;
  all.erase(std::remove(all.begin(), all.end(), stream), all.end());
  context->stream_left.wait(lock, [&] { return stream->waiters == 0; });
}

rapt_status rapt_cuda_captures(const rapt_stream *stream, bool *captures, rapt_error *error) {
  driver_code code = driver_stream_captures(stream->native, captures);
  if (code != DRIVER_CAPTURE_IMPLICIT) return rapt_cuda_check(code, "asking for a capture", error);
  driver_forget_failure();
  return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                   "the stream is the default stream, and a stream that waits for it is being captured into a graph: "
                   "until that ends nothing can be enqueued on the default stream or waited for");
}

static driver_code wait_unless_captured(const rapt_stream *stream) {
  bool captures = false;
  driver_code code = driver_stream_captures(stream->native, &captures);
  if (code == DRIVER_CAPTURE_IMPLICIT) {
    // Else the host's own code would find it as the last error of a call that succeeded.
    driver_forget_failure();
    return DRIVER_SUCCESS;
  }
  if (captures) return DRIVER_SUCCESS;
  return code == DRIVER_SUCCESS ? driver_stream_synchronize(stream->native) : code;
}

driver_code rapt_cuda_wait_for_streams(rapt_cuda_context *context) {
  std::unique_lock<std::mutex> lock(context->streams_mutex);
  const std::vector<rapt_stream *> all = context->streams;
  driver_code first = DRIVER_SUCCESS;
  for (rapt_stream *stream : all) {
    // It may have gone, which is why only the one that is waited for is kept alive: whoever ends another one must not
    // wait for this one's work.
    const auto &listed = context->streams;
    if (std::find(listed.begin(), listed.end(), stream) == listed.end()) continue;
    stream->waiters++;
    // Others may use the list meanwhile.
    lock.unlock();
    driver_code code = wait_unless_captured(stream);
    if (first == DRIVER_SUCCESS) first = code;
    lock.lock();
    if (--stream->waiters == 0) context->stream_left.notify_all();
  }
  return first;
}

void rapt_cuda_stream_close(rapt_stream *stream) {
  rapt_cuda_delist(stream->context, stream);
  rapt_cuda_scope scope(stream->context->native);
  if (stream->scratch_used != nullptr) {
    // Enqueued work may still use the scratch.
    driver_event_synchronize(stream->scratch_used);
    driver_event_destroy(stream->scratch_used);
  }
  for (void *block : stream->outgrown) driver_release(block);
  if (stream->scratch != nullptr) driver_release(stream->scratch);
  if (stream->owned) driver_stream_destroy(stream->native);
  driver_forget_failure();
}

void rapt_cuda_stream_destroy(rapt_stream *stream) {
  rapt_cuda_stream_close(stream);
  delete stream;
}

rapt_status rapt_cuda_stream_synchronize(rapt_stream *stream, rapt_error *error) {
  rapt_cuda_scope scope(stream->context->native);
  RAPT_CHECK(scope.check(error));
  bool captures = false;
  RAPT_CHECK(rapt_cuda_captures(stream, &captures, error));
  if (captures) {
    return rapt_fail(
        error, RAPT_INVALID_ARGUMENT,
        "the stream is being captured into a graph: what it captures does not run, so that nobody can wait "
        "for it");
  }
  return rapt_cuda_check(driver_stream_synchronize(stream->native), "work on the stream", error);
}

rapt_status rapt_cuda_stream_wait(rapt_stream *stream, rapt_event *event, rapt_error *error) {
  rapt_cuda_scope scope(stream->context->native);
  RAPT_CHECK(scope.check(error));
  bool captures = false;
  RAPT_CHECK(rapt_cuda_captures(stream, &captures, error));
  return rapt_cuda_check(driver_stream_wait(stream->native, event->native), "making the stream wait", error);
}

rapt_status rapt_cuda_check_stream(const rapt_context *head, const rapt_stream *stream, rapt_error *error) {
  return rapt_cuda_check_same("the stream", stream->context, rapt_cuda_context_of(head), "this context's", error);
}

rapt_status rapt_cuda_scratch(rapt_stream *stream, int64_t needed, void **out, rapt_error *error) {
  if (stream->scratch_used == nullptr) {
    RAPT_CHECK(rapt_cuda_check(driver_event_create(false, &stream->scratch_used), "creating an event", error));
  }
  if (needed > stream->scratch_size) {
    // Twice the last size, so that calls that grow step by step do not keep many outgrown blocks.
    int64_t size = needed / 2 > stream->scratch_size ? needed : 2 * stream->scratch_size;
    if (size < needed) size = needed;
    void *block = nullptr;
    driver_code code = driver_allocate(static_cast<size_t>(size), &block);
    if (code == DRIVER_OUT_OF_MEMORY && size > needed) {
      driver_forget_failure();
      size = needed;
      code = driver_allocate(static_cast<size_t>(size), &block);
    }
    char what[96];
    snprintf(what, sizeof what, "allocating %" PRId64 " bytes of scratch", size);
    RAPT_CHECK(rapt_cuda_check(code, what, error));
    if (stream->scratch != nullptr) stream->outgrown.push_back(stream->scratch);
    stream->scratch = block;
    stream->scratch_size = size;
  }
  *out = stream->scratch;
  return RAPT_OK;
}

rapt_status rapt_cuda_event_create(rapt_context *head, rapt_event **out, rapt_error *error) {
  rapt_cuda_context *context = rapt_cuda_context_of(head);
  rapt_cuda_scope scope(context->native);
  RAPT_CHECK(scope.check(error));
  rapt_event *event = new (std::nothrow) rapt_event();
  if (event == nullptr) return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for an event");
  event->handle.device = &rapt_cuda_device;
  event->context = context;
  rapt_status status = rapt_cuda_check(driver_event_create(true, &event->native), "creating an event", error);
  if (status == RAPT_OK) {
    *out = event;
  } else {
    delete event;
  }
  return status;
}

void rapt_cuda_event_destroy(rapt_event *event) {
  rapt_cuda_scope scope(event->context->native);
  driver_event_destroy(event->native);
  driver_forget_failure();
  delete event;
}

rapt_status rapt_cuda_event_record(rapt_event *event, rapt_stream *stream, rapt_error *error) {
  RAPT_CHECK(rapt_cuda_check_same("the event", event->context, stream->context, "the stream's", error));
  rapt_cuda_scope scope(event->context->native);
  RAPT_CHECK(scope.check(error));
  bool captures = false;
  RAPT_CHECK(rapt_cuda_captures(stream, &captures, error));
  return rapt_cuda_check(driver_event_record(event->native, stream->native), "recording the event", error);
}

rapt_status rapt_cuda_event_synchronize(rapt_event *event, rapt_error *error) {
  rapt_cuda_scope scope(event->context->native);
  RAPT_CHECK(scope.check(error));
  return rapt_cuda_check(driver_event_synchronize(event->native), "work before the event", error);
}

rapt_status rapt_cuda_event_query(rapt_event *event, int32_t *done, rapt_error *error) {
  rapt_cuda_scope scope(event->context->native);
  RAPT_CHECK(scope.check(error));
  driver_code code = driver_event_query(event->native);
  *done = code == DRIVER_SUCCESS;
  if (code == DRIVER_NOT_READY) {
    driver_forget_failure();
    return RAPT_OK;
  }
  return rapt_cuda_check(code, "work before the event", error);
}

rapt_status rapt_cuda_event_elapsed(rapt_event *start, rapt_event *end, float *milliseconds, rapt_error *error) {
  rapt_cuda_scope scope(start->context->native);
  RAPT_CHECK(scope.check(error));
  return rapt_cuda_check(driver_event_elapsed(start->native, end->native, milliseconds),
                         "measuring the time between the events", error);
}
