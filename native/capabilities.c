// SPDX-License-Identifier: Apache-2.0
// What the library can do on this machine, over all devices.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "call/device.h"
#include "call/params.h"
#include "call/plugin.h"
#include "cpu/device.h"
#include "cpu/engine/engine.h"
#include "cpu/engine/features.h"
#include "cpu/engine/machine.h"
#include "rapt/rapt.h"

const char *rapt_version(void) { return RAPT_VERSION_STRING; }

int32_t rapt_abi_version(void) { return RAPT_ABI_VERSION; }

static void copy(char *to, size_t size, const char *text) {
  snprintf(to, size, "%.*s", (int)size - 1, text == NULL ? "" : text);
}

rapt_status rapt_get_capabilities(rapt_capabilities *out, rapt_error *error) {
  rapt_status status = rapt_check_output(out, "rapt_capabilities", error);
  if (status != RAPT_OK) return status;
  rapt_capabilities c = {
      .abi_version = rapt_abi_version(), .logical_cpus = rapt_logical_cpus(""), .best_isa = rapt_best_isa()};
  if (rapt_resolve_isa(RAPT_ISA_AUTO, &c.default_isa, NULL) != RAPT_OK) c.default_isa = 0;
  rapt_machine machine = rapt_machine_here();
  c.l1_bytes = machine.l1;
  c.l2_bytes = machine.l2;
  c.l3_bytes = machine.l3;
  copy(c.version, sizeof c.version, rapt_version());
  rapt_cpu_name(c.cpu_name, sizeof c.cpu_name);
  const rapt_device *cuda;
  rapt_error reason = {.struct_size = sizeof reason};
  if (rapt_open_cuda(NULL, &cuda, &reason) != RAPT_OK) copy(c.cuda_reason, sizeof c.cuda_reason, reason.message);
  rapt_write_struct(&c, sizeof c, out);
  return RAPT_OK;
}

static int32_t public_reading(rapt_reading reading) {
  return reading == RAPT_READING_STREAMS ? RAPT_READ_STREAMS : RAPT_READ_PREFETCH;
}

rapt_status rapt_context_get_reading(const rapt_context *context, int32_t *keys, int32_t *values, rapt_error *error) {
  if (context == NULL || keys == NULL || values == NULL) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is NULL",
                     context == NULL ? "context"
                     : keys == NULL  ? "keys"
                                     : "values");
  }
  if (context->device != &rapt_cpu_device) {
    return rapt_fail(error, RAPT_UNSUPPORTED, "this context's device is not the CPU, whose ways of reading these are");
  }
  rapt_readings readings = rapt_cpu_readings((const rapt_cpu_context *)context);
  *keys = public_reading(readings.keys);
  *values = public_reading(readings.values);
  return RAPT_OK;
}
