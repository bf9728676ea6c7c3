// SPDX-License-Identifier: Apache-2.0
#include "call/plugin.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define CUDA_LIBRARY "librapt_cuda.so"

// Fills in the path of the plug-in beside this very library; 0 where that is not known.
static int beside_this_library(char *out, size_t size) {
  Dl_info info;
  if (dladdr((const void *)&rapt_open_cuda, &info) == 0 || info.dli_fname == NULL) return 0;
  const char *slash = strrchr(info.dli_fname, '/');
  int folder = slash == NULL ? 0 : (int)(slash - info.dli_fname + 1);
  int length = snprintf(out, size, "%.*s%s", folder, info.dli_fname, CUDA_LIBRARY);
  return length > 0 && (size_t)length < size;
}

rapt_status rapt_open_cuda(const char *path, const rapt_device **out, rapt_error *error) {
  char beside[PATH_MAX];
  if (path == NULL || *path == 0) path = getenv("RAPT_CUDA_LIBRARY");
  if (path == NULL || *path == 0) path = beside_this_library(beside, sizeof beside) ? beside : CUDA_LIBRARY;
  // Never closed: a CUDA runtime does not survive being unloaded and loaded again.
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    const char *reason = dlerror();
    return rapt_fail(error, RAPT_DEVICE_UNAVAILABLE, "the CUDA plug-in cannot be loaded: %.300s",
                     reason == NULL ? path : reason);
  }
  rapt_device_entry_function entry;
  void *symbol = dlsym(library, RAPT_DEVICE_ENTRY);
  memcpy(&entry, &symbol, sizeof entry);
  const rapt_device *device = entry == NULL ? NULL : entry();
  if (device == NULL || device->version != RAPT_DEVICE_VERSION) {
    return rapt_fail(error, RAPT_DEVICE_UNAVAILABLE,
                     "%.200s is not a plug-in of this version of Rapt: it has interface %d, this library needs %d",
                     path, device == NULL ? 0 : device->version, RAPT_DEVICE_VERSION);
  }
  const char *reason = device->unavailable();
  if (reason != NULL) return rapt_fail(error, RAPT_DEVICE_UNAVAILABLE, "%.400s", reason);
  *out = device;
  return RAPT_OK;
}
