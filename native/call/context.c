// SPDX-License-Identifier: Apache-2.0
// rapt_context_*, and rapt_linear_create and _destroy: packed weights belong to a context's device.
#include "base/environment.h"
#include "base/error.h"
#include "call/device.h"
#include "call/params.h"

rapt_status rapt_context_create(const rapt_context_options *options, rapt_context **out, rapt_error *error) {
  if (out == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "out is NULL");
  *out = NULL;
  rapt_context_options o = {.struct_size = sizeof o};
  if (options != NULL) RAPT_CHECK(rapt_read_struct(options, &o, sizeof o, "rapt_context_options", error));
  RAPT_CHECK(
      rapt_check_size("cuda_context", o.cuda_context, RAPT_CUDA_CONTEXT_PRIMARY, RAPT_CUDA_CONTEXT_CURRENT, error));
  RAPT_CHECK(
      rapt_check_size("cuda_selfcheck", o.cuda_selfcheck, RAPT_SELFCHECK_REMEMBERED, RAPT_SELFCHECK_AGAIN, error));
  if (o.reserved != 0) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "reserved is %d; allowed: 0", o.reserved);
  const rapt_device *device;
  RAPT_CHECK(rapt_find_device(o.device, o.cuda_library, &device, error));
  // The device's threads have the environment of the thread that makes them.
  unsigned environment = rapt_environment_enter();
  rapt_status status = device->context_create(&o, out, error);
  rapt_environment_leave(environment);
  return status;
}

void rapt_context_destroy(rapt_context *context) {
  if (context != NULL) context->device->context_destroy(context);
}

rapt_status rapt_context_get_info(const rapt_context *context, rapt_context_info *out, rapt_error *error) {
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  RAPT_CHECK(rapt_check_output(out, "rapt_context_info", error));
  rapt_context_info info = {0};
  RAPT_CHECK(context->device->context_get_info(context, &info, error));
  rapt_write_struct(&info, sizeof info, out);
  return RAPT_OK;
}

rapt_status rapt_context_get_selfcheck(const rapt_context *context, char *out, int64_t size, rapt_error *error) {
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  if (out == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "out is NULL");
  RAPT_CHECK(rapt_check_size("size", size, 1, INT64_MAX, error));
  if (context->device->context_get_selfcheck == NULL) {
    return rapt_fail(error, RAPT_UNSUPPORTED, "a device of kind %s has no self-check", context->device->word);
  }
  return context->device->context_get_selfcheck(context, out, size, error);
}

rapt_status rapt_linear_create(rapt_context *context, const rapt_linear_parameters *parameters,
                               rapt_linear_weights **out, rapt_error *error) {
  if (out == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "out is NULL");
  *out = NULL;
  if (context == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "context is NULL");
  unsigned environment = rapt_environment_enter();
  rapt_status status = context->device->weights_create(context, parameters, out, error);
  rapt_environment_leave(environment);
  return status;
}

rapt_status rapt_linear_create_held(rapt_context *context, const rapt_linear_parameters *parameters,
                                    rapt_linear_weights **out, rapt_error *error, ...) {
  return rapt_linear_create(context, parameters, out, error);
}

void rapt_linear_destroy(rapt_linear_weights *weights) {
  if (weights != NULL) ((const rapt_handle *)weights)->device->weights_destroy(weights);
}
