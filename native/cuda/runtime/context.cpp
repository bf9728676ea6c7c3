// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <new>

#include "cuda/device.h"
#include "cuda/runtime/availability.h"
#include "cuda/runtime/failure.h"
#include "cuda/runtime/state.h"

rapt_cuda_scope::rapt_cuda_scope(int ordinal) {
  code_ = driver_get_device(&before_);
  if (code_ != DRIVER_SUCCESS || before_ == ordinal) return;
  code_ = driver_set_device(ordinal);
  switched_ = code_ == DRIVER_SUCCESS;
}

rapt_cuda_scope::~rapt_cuda_scope() {
  if (switched_) driver_set_device(before_);
}

rapt_status rapt_cuda_scope::check(rapt_error *error) const {
  return rapt_cuda_check(code_, "making the device current", error);
}

static rapt_status describe(int ordinal, rapt_cuda_context *context, rapt_error *error) {
  int devices = 0, needed;
  RAPT_CHECK(rapt_cuda_check(driver_count(&devices), "counting the devices", error));
  if (ordinal < 0 || ordinal >= devices) {
    return rapt_fail(error, RAPT_DEVICE_UNAVAILABLE, "ordinal is %d; this machine has %d CUDA device%s, from 0",
                     ordinal, devices, devices == 1 ? "" : "s");
  }
  RAPT_CHECK(rapt_cuda_check(driver_version(&context->driver, &needed), "asking for the driver's version", error));
  RAPT_CHECK(rapt_cuda_check(driver_describe(ordinal, &context->device), "asking for the device's properties", error));
  const driver_description &device = context->device;
  if (device.capability < RAPT_CUDA_LEAST_CAPABILITY) {
    return rapt_fail(error, RAPT_DEVICE_UNAVAILABLE,
                     "CUDA device %d, %s, has compute capability %d.%d; Rapt needs %d.%d", ordinal, device.name,
                     device.capability / 10, device.capability % 10, RAPT_CUDA_LEAST_CAPABILITY / 10,
                     RAPT_CUDA_LEAST_CAPABILITY % 10);
  }
  return RAPT_OK;
}

static rapt_status open(int ordinal, rapt_cuda_context *context, rapt_error *error) {
  context->head.device = &rapt_cuda_device;
  context->ordinal = ordinal;
  RAPT_CHECK(describe(ordinal, context, error));
  RAPT_CHECK(rapt_cuda_choice_make(getenv("RAPT_KERNEL"), context->device, &context->choice, error));
  rapt_cuda_scope scope(ordinal);
  RAPT_CHECK(scope.check(error));
  RAPT_CHECK(rapt_cuda_check(rapt_cuda_prepare(context->device), "loading the kernels", error));
  rapt_stream *stream = &context->stream;
  stream->handle.device = &rapt_cuda_device;
  stream->context = context;
  stream->owned = true;
  // Ordered: a call without a stream waits for what was enqueued on the legacy default stream before it.
  return rapt_cuda_check(driver_stream_create(true, &stream->native), "creating the context's stream", error);
}

rapt_status rapt_cuda_context_create(const rapt_context_options *options, rapt_context **out, rapt_error *error) {
  rapt_cuda_context *context = new (std::nothrow) rapt_cuda_context();
  if (context == nullptr) return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for a context");
  rapt_status status = open(options->ordinal, context, error);
  if (status == RAPT_OK) {
    *out = &context->head;
  } else {
    delete context;
  }
  return status;
}

void rapt_cuda_context_destroy(rapt_context *head) {
  rapt_cuda_context *context = rapt_cuda_context_of(head);
  rapt_cuda_stream_close(&context->stream);
  delete context;
}

rapt_status rapt_cuda_context_get_info(const rapt_context *head, rapt_context_info *out, rapt_error *) {
  const rapt_cuda_context *context = rapt_cuda_context_of(head);
  out->device = RAPT_DEVICE_CUDA;
  out->ordinal = context->ordinal;
  out->compute_capability = context->device.capability;
  out->driver_version = context->driver;
  snprintf(out->name, sizeof out->name, "%s", context->device.name);
  return RAPT_OK;
}
