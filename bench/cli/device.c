/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include <stddef.h>

#include "cli.h"

int device_open(int32_t isa, int64_t threads, device *out) {
  rapt_context_options options = {.struct_size = sizeof options, .threads = (int32_t)threads, .isa = isa};
  rapt_context_info info = {.struct_size = sizeof info};
  rapt_error error = {.struct_size = sizeof error};
  *out = (device){0};
  if (rapt_context_create(&options, &out->context, &error) != RAPT_OK ||
      rapt_context_get_info(out->context, &info, &error) != RAPT_OK) {
    cli_fail("%s", error.message);
    device_close(out);
    return 0;
  }
  out->isa = info.isa;
  out->threads = info.threads;
  return 1;
}

void device_close(device *d) {
  rapt_context_destroy(d->context);
  d->context = NULL;
}
