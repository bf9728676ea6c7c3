// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

#include "cuda/device.h"
#include "cuda/runtime/availability.h"
#include "cuda/runtime/failure.h"
#include "cuda/runtime/state.h"

rapt_status rapt_cuda_check_same(const char *what, const rapt_cuda_context *its, const rapt_cuda_context *wanted,
                                 const char *whose, rapt_error *error) {
  if (its->native == wanted->native) return RAPT_OK;
  if (its->ordinal != wanted->ordinal) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is one of CUDA device %d; %s device is %d", what, its->ordinal,
                     whose, wanted->ordinal);
  }
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is one of another CUDA context of device %d", what, its->ordinal);
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

// Finds the CUDA context that the options ask for.
static rapt_status find_native(const rapt_context_options &options, driver_context *out, rapt_error *error) {
  if (options.cuda_context != RAPT_CUDA_CONTEXT_CURRENT) {
    return rapt_cuda_check(driver_primary_context(options.ordinal, out), "opening the device's primary context", error);
  }
  int ordinal = 0;
  RAPT_CHECK(rapt_cuda_check(driver_current_context(out, &ordinal), "asking for the current CUDA context", error));
  if (*out == nullptr) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "cuda_context is RAPT_CUDA_CONTEXT_CURRENT, but this thread has no current CUDA context");
  }
  if (ordinal == options.ordinal) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "ordinal is %d; this thread's current CUDA context is of device %d",
                   options.ordinal, ordinal);
}

// Checks the kernels, and that there is one of each kind to fall back on. RAPT_KERNEL forces them all the same.
static rapt_status check_device(const rapt_context_options &options, rapt_cuda_context *context, rapt_error *error) {
  bool again = options.cuda_selfcheck == RAPT_SELFCHECK_AGAIN;
  context->verdict = rapt_cuda_selfcheck(context->ordinal, context->device, context->driver, again);
  context->choice.verdict = context->verdict.get();
  std::string why = rapt_cuda_unusable(*context->verdict);
  bool forced = false;
  for (const rapt_cuda_prefixes &named : context->choice.named) forced = forced || named.count > 0;
  if (why.empty() || (forced && context->verdict->complete)) return RAPT_OK;
  return rapt_fail(error, RAPT_DEVICE_UNAVAILABLE, "CUDA device %d, %s, is unusable: %.300s", context->ordinal,
                   context->device.name, why.c_str());
}

static rapt_status open(const rapt_context_options &options, rapt_cuda_context *context, rapt_error *error) {
  context->head.device = &rapt_cuda_device;
  context->ordinal = options.ordinal;
  RAPT_CHECK(describe(options.ordinal, context, error));
  RAPT_CHECK(rapt_cuda_choice_make(getenv("RAPT_KERNEL"), &context->choice, error));
  RAPT_CHECK(find_native(options, &context->native, error));
  context->primary = options.cuda_context != RAPT_CUDA_CONTEXT_CURRENT;
  RAPT_CHECK(check_device(options, context, error));
  rapt_cuda_scope scope(context->native);
  RAPT_CHECK(scope.check(error));
  RAPT_CHECK(rapt_cuda_check(rapt_cuda_prepare(context->device), "loading the kernels", error));
  rapt_stream *stream = &context->stream;
  stream->handle.device = &rapt_cuda_device;
  stream->context = context;
  stream->owned = true;
  rapt_cuda_enlist(context, stream);
  // Ordered: a call without a stream waits for what was enqueued on the legacy default stream before it.
  return rapt_cuda_check(driver_stream_create(true, &stream->native), "creating the context's stream", error);
}

// The first device that opens. Where none does, says why, of each.
static rapt_status create_first(rapt_context_options options, rapt_context **out, rapt_error *error) {
  int devices = 0;
  RAPT_CHECK(rapt_cuda_check(driver_count(&devices), "counting the devices", error));
  std::string reasons;
  for (options.ordinal = 0; options.ordinal < devices; options.ordinal++) {
    rapt_error why = {};
    why.struct_size = sizeof why;
    rapt_status status = rapt_cuda_context_create(&options, out, &why);
    if (status == RAPT_OK) return status;
    if (status == RAPT_INVALID_ARGUMENT) return rapt_fail(error, status, "%s", why.message);
    reasons += (reasons.empty() ? "" : "; ") + std::string(why.message);
  }
  return rapt_fail(error, RAPT_DEVICE_UNAVAILABLE, "no CUDA device is usable: %.400s", reasons.c_str());
}

rapt_status rapt_cuda_context_create(const rapt_context_options *options, rapt_context **out, rapt_error *error) {
  if (options->ordinal == RAPT_FIRST_USABLE) {
    if (options->cuda_context != RAPT_CUDA_CONTEXT_CURRENT) return create_first(*options, out, error);
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "ordinal is RAPT_FIRST_USABLE; allowed with RAPT_CUDA_CONTEXT_CURRENT: that context's device");
  }
  rapt_cuda_context *context = new (std::nothrow) rapt_cuda_context();
  if (context == nullptr) return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for a context");
  rapt_status status = open(*options, context, error);
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

rapt_status rapt_cuda_context_get_selfcheck(const rapt_context *head, char *out, int64_t size, rapt_error *) {
  const rapt_cuda_verdict &verdict = *rapt_cuda_context_of(head)->choice.verdict;
  char line[160];
  int passed = verdict.checks - static_cast<int>(verdict.failures.size());
  snprintf(line, sizeof line, "%d of %d passed, ", passed > 0 ? passed : 0, verdict.checks);
  std::string text = line;
  if (verdict.remembered) {
    text += "as an earlier run found";
  } else {
    snprintf(line, sizeof line, "in %.0f ms", verdict.milliseconds);
    text += line;
  }
  for (const rapt_cuda_failure &f : verdict.failures) text += "\n" + f.name + ": " + f.reason;
  snprintf(out, static_cast<size_t>(size), "%s", text.c_str());
  return RAPT_OK;
}
