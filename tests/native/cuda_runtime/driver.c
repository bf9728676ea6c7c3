// SPDX-License-Identifier: Apache-2.0
#include "driver.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "support/check.h"

static driver_api loaded;

static const struct {
  void **function;
  const char *name;
} functions[] = {
    {(void **)&loaded.init, "cuInit"},
    {(void **)&loaded.retain, "cuDevicePrimaryCtxRetain"},
    {(void **)&loaded.release, "cuDevicePrimaryCtxRelease_v2"},
    {(void **)&loaded.create, "cuCtxCreate_v2"},
    {(void **)&loaded.destroy, "cuCtxDestroy_v2"},
    {(void **)&loaded.get_current, "cuCtxGetCurrent"},
    {(void **)&loaded.set_current, "cuCtxSetCurrent"},
    {(void **)&loaded.allocate, "cuMemAlloc_v2"},
    {(void **)&loaded.free, "cuMemFree_v2"},
    {(void **)&loaded.stream_create, "cuStreamCreate"},
    {(void **)&loaded.stream_destroy, "cuStreamDestroy_v2"},
    {(void **)&loaded.stream_synchronize, "cuStreamSynchronize"},
    {(void **)&loaded.launch_host, "cuLaunchHostFunc"},
    {(void **)&loaded.begin_capture, "cuStreamBeginCapture_v2"},
    {(void **)&loaded.end_capture, "cuStreamEndCapture"},
    {(void **)&loaded.instantiate, "cuGraphInstantiateWithFlags"},
    {(void **)&loaded.launch, "cuGraphLaunch"},
    {(void **)&loaded.destroy_executable, "cuGraphExecDestroy"},
    {(void **)&loaded.destroy_graph, "cuGraphDestroy"},
};

void driver_expect(int code, const char *what) {
  if (code != 0) check_abort("%s: CUDA driver error %d", what, code);
}

const driver_api *driver_load(int emulated) {
  const char *path = emulated ? getenv("RAPT_CUDA_LIBRARY") : "libcuda.so.1";
  void *library = dlopen(path, RTLD_NOW);
  if (library == NULL) check_abort("no driver: %s", dlerror());
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    *functions[i].function = dlsym(library, functions[i].name);
    if (*functions[i].function == NULL) check_abort("the driver has no %s", functions[i].name);
  }
  driver_expect(loaded.init(0), "cuInit");
  return &loaded;
}
