// SPDX-License-Identifier: Apache-2.0
// rapt_memory_*, rapt_stream_* and rapt_event_*: check the arguments and call the context's device.
#include <inttypes.h>
#include <stddef.h>

#include "base/error.h"
#include "call/check.h"
#include "call/device.h"

static rapt_status need(const char *name, const void *pointer, rapt_error *error) {
  return pointer != NULL ? RAPT_OK : rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is NULL", name);
}

static rapt_status need_device_memory(const rapt_context *context, rapt_error *error) {
  RAPT_CHECK(need("context", context, error));
  if (context->device->memory_allocate != NULL) return RAPT_OK;
  return rapt_fail(error, RAPT_UNSUPPORTED,
                   "device memory, streams and events need a CUDA context; this one is a CPU's");
}

static rapt_status check_kind(int32_t kind, rapt_error *error) {
  return rapt_check_size("kind", kind, RAPT_MEMORY_DEVICE, RAPT_MEMORY_PINNED, error);
}

rapt_status rapt_memory_allocate(rapt_context *context, int32_t kind, int64_t bytes, void **out, rapt_error *error) {
  RAPT_CHECK(need("out", out, error));
  *out = NULL;
  RAPT_CHECK(need_device_memory(context, error));
  RAPT_CHECK(check_kind(kind, error));
  RAPT_CHECK(rapt_check_size("bytes", bytes, 0, INT64_MAX, error));
  return bytes == 0 ? RAPT_OK : context->device->memory_allocate(context, kind, bytes, out, error);
}

rapt_status rapt_memory_free(rapt_context *context, int32_t kind, void *memory, rapt_error *error) {
  RAPT_CHECK(need_device_memory(context, error));
  RAPT_CHECK(check_kind(kind, error));
  return memory == NULL ? RAPT_OK : context->device->memory_free(context, kind, memory, error);
}

rapt_status rapt_memory_get_info(rapt_context *context, int64_t *free_bytes, int64_t *total_bytes, rapt_error *error) {
  RAPT_CHECK(need("free_bytes", free_bytes, error));
  RAPT_CHECK(need("total_bytes", total_bytes, error));
  RAPT_CHECK(need_device_memory(context, error));
  return context->device->memory_get_info(context, free_bytes, total_bytes, error);
}

rapt_status rapt_memory_copy(rapt_context *context, void *to, const void *from, int64_t bytes, rapt_stream *stream,
                             rapt_error *error) {
  RAPT_CHECK(need_device_memory(context, error));
  RAPT_CHECK(rapt_check_size("bytes", bytes, 0, INT64_MAX, error));
  if (bytes == 0) return RAPT_OK;
  RAPT_CHECK(need("to", to, error));
  RAPT_CHECK(need("from", from, error));
  return context->device->memory_copy(context, to, from, bytes, stream, error);
}

static const rapt_device *device_of(const void *handle) { return ((const rapt_handle *)handle)->device; }

rapt_status rapt_stream_create(rapt_context *context, rapt_stream **out, rapt_error *error) {
  RAPT_CHECK(need("out", out, error));
  *out = NULL;
  RAPT_CHECK(need_device_memory(context, error));
  return context->device->stream_create(context, out, error);
}

rapt_status rapt_stream_wrap(rapt_context *context, void *cuda_stream, rapt_stream **out, rapt_error *error) {
  RAPT_CHECK(need("out", out, error));
  *out = NULL;
  RAPT_CHECK(need_device_memory(context, error));
  return context->device->stream_wrap(context, cuda_stream, out, error);
}

void rapt_stream_destroy(rapt_stream *stream) {
  if (stream != NULL) device_of(stream)->stream_destroy(stream);
}

rapt_status rapt_stream_synchronize(rapt_stream *stream, rapt_error *error) {
  RAPT_CHECK(need("stream", stream, error));
  return device_of(stream)->stream_synchronize(stream, error);
}

rapt_status rapt_stream_wait(rapt_stream *stream, rapt_event *event, rapt_error *error) {
  RAPT_CHECK(need("stream", stream, error));
  RAPT_CHECK(need("event", event, error));
  return device_of(stream)->stream_wait(stream, event, error);
}

rapt_status rapt_event_create(rapt_context *context, rapt_event **out, rapt_error *error) {
  RAPT_CHECK(need("out", out, error));
  *out = NULL;
  RAPT_CHECK(need_device_memory(context, error));
  return context->device->event_create(context, out, error);
}

void rapt_event_destroy(rapt_event *event) {
  if (event != NULL) device_of(event)->event_destroy(event);
}

rapt_status rapt_event_record(rapt_event *event, rapt_stream *stream, rapt_error *error) {
  RAPT_CHECK(need("event", event, error));
  RAPT_CHECK(need("stream", stream, error));
  return device_of(event)->event_record(event, stream, error);
}

rapt_status rapt_event_synchronize(rapt_event *event, rapt_error *error) {
  RAPT_CHECK(need("event", event, error));
  return device_of(event)->event_synchronize(event, error);
}

rapt_status rapt_event_query(rapt_event *event, int32_t *done, rapt_error *error) {
  RAPT_CHECK(need("event", event, error));
  RAPT_CHECK(need("done", done, error));
  return device_of(event)->event_query(event, done, error);
}

rapt_status rapt_event_elapsed(rapt_event *start, rapt_event *end, float *milliseconds, rapt_error *error) {
  RAPT_CHECK(need("start", start, error));
  RAPT_CHECK(need("end", end, error));
  RAPT_CHECK(need("milliseconds", milliseconds, error));
  return device_of(start)->event_elapsed(start, end, milliseconds, error);
}
