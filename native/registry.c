// SPDX-License-Identifier: Apache-2.0
// The one file that sees every operation and every device.
#include <stddef.h>

#include "base/error.h"
#include "call/operations.h"
#include "call/plugin.h"
#include "cpu/device.h"

#define DECLARE(NUMBER, word) extern const rapt_operation rapt_operation_##word;
RAPT_EACH_OPERATION(DECLARE)

#define ENTRY(NUMBER, word) [RAPT_##NUMBER] = &rapt_operation_##word,
static const rapt_operation *const operations[RAPT_OPERATIONS] = {RAPT_EACH_OPERATION(ENTRY)};

const rapt_operation *rapt_operation_of(int32_t number) {
  return number >= 0 && number < RAPT_OPERATIONS ? operations[number] : NULL;
}

rapt_status rapt_find_device(int32_t kind, const char *path, const rapt_device **out, rapt_error *error) {
  *out = &rapt_cpu_device;
  if (kind == RAPT_DEVICE_CPU) return RAPT_OK;
  if (kind == RAPT_DEVICE_CUDA) return rapt_open_cuda(path, out, error);
  return rapt_fail(error, RAPT_UNSUPPORTED, "device is %d; this library has %d (CPU) and %d (CUDA)", kind,
                   RAPT_DEVICE_CPU, RAPT_DEVICE_CUDA);
}
