// SPDX-License-Identifier: Apache-2.0
#include "device.h"

#include <stddef.h>

#include "cli.h"

const char *const device_choices[] = {"cpu", "cuda", NULL};

static int open_with(rapt_context_options options, device *out) {
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
  out->cuda = info.device == RAPT_DEVICE_CUDA;
  return 1;
}

int device_open(int32_t isa, int64_t threads, device *out) {
  return open_with(
      (rapt_context_options){.struct_size = sizeof(rapt_context_options), .threads = (int32_t)threads, .isa = isa},
      out);
}

int device_open_cuda(device *out) {
  return open_with((rapt_context_options){.struct_size = sizeof(rapt_context_options), .device = RAPT_DEVICE_CUDA},
                   out);
}

const char *device_name(const device *d) { return d->cuda ? "cuda" : rapt_isa_name(d->isa); }

void device_close(device *d) {
  rapt_context_destroy(d->context);
  d->context = NULL;
}
