// SPDX-License-Identifier: Apache-2.0
#include "capture.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "device.h"
#include "support/check.h"

// Of the driver's own interface, by name: the tests are built without CUDA's headers.
static struct {
  int (*retain)(void **context, int device);
  int (*release)(int device);
  int (*set_current)(void *context);
  int (*stream_create)(void **stream, unsigned flags);
  int (*stream_destroy)(void *stream);
  int (*stream_synchronize)(void *stream);
  int (*begin)(void *stream, int mode);
  int (*end)(void *stream, void **graph);
  int (*instantiate)(void **executable, void *graph, unsigned long long flags);
  int (*launch)(void *executable, void *stream);
  int (*destroy_executable)(void *executable);
  int (*destroy_graph)(void *graph);
} driver;

enum { GLOBAL_MODE = 0, NON_BLOCKING = 1 };

static void expect_success(int code, const char *what) { CHECK(code == 0, "%s: CUDA driver error %d", what, code); }

static void load(void **function, void *library, const char *name) {
  *function = dlsym(library, name);
  if (*function == NULL) check_abort("the driver has no %s", name);
}

static void load_driver(void) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW);
  if (library == NULL) check_abort("no driver: %s", dlerror());
  load((void **)&driver.retain, library, "cuDevicePrimaryCtxRetain");
  load((void **)&driver.release, library, "cuDevicePrimaryCtxRelease_v2");
  load((void **)&driver.set_current, library, "cuCtxSetCurrent");
  load((void **)&driver.stream_create, library, "cuStreamCreate");
  load((void **)&driver.stream_destroy, library, "cuStreamDestroy_v2");
  load((void **)&driver.stream_synchronize, library, "cuStreamSynchronize");
  load((void **)&driver.begin, library, "cuStreamBeginCapture_v2");
  load((void **)&driver.end, library, "cuStreamEndCapture");
  load((void **)&driver.instantiate, library, "cuGraphInstantiateWithFlags");
  load((void **)&driver.launch, library, "cuGraphLaunch");
  load((void **)&driver.destroy_executable, library, "cuGraphExecDestroy");
  load((void **)&driver.destroy_graph, library, "cuGraphDestroy");
}

void capture_open(capture *c, rapt_context *context) {
  rapt_error error = {.struct_size = sizeof error};
  *c = (capture){.context = context};
  if (!cuda_is_emulated(context)) {
    void *primary = NULL;
    load_driver();
    expect_success(driver.retain(&primary, 0), "cuDevicePrimaryCtxRetain");
    expect_success(driver.set_current(primary), "cuCtxSetCurrent");
    expect_success(driver.stream_create(&c->native, NON_BLOCKING), "cuStreamCreate");
  }
  if (rapt_stream_wrap(context, c->native, &c->stream, &error) != RAPT_OK) check_abort("no stream: %s", error.message);
}

void capture_begin(capture *c) {
  if (c->native != NULL) {
    expect_success(driver.begin(c->native, GLOBAL_MODE), "cuStreamBeginCapture");
  } else {
    setenv("RAPT_EMULATED_CAPTURE", "1", 1);
  }
}

void capture_end(capture *c) {
  unsetenv("RAPT_EMULATED_CAPTURE");
  if (c->native == NULL) return;
  void *graph = NULL, *executable = NULL;
  expect_success(driver.end(c->native, &graph), "cuStreamEndCapture");
  expect_success(driver.instantiate(&executable, graph, 0), "cuGraphInstantiate");
  expect_success(driver.launch(executable, c->native), "cuGraphLaunch");
  expect_success(driver.stream_synchronize(c->native), "the graph");
  expect_success(driver.destroy_executable(executable), "cuGraphExecDestroy");
  expect_success(driver.destroy_graph(graph), "cuGraphDestroy");
}

void capture_close(capture *c) {
  rapt_stream_destroy(c->stream);
  if (c->native != NULL) {
    expect_success(driver.stream_destroy(c->native), "cuStreamDestroy");
    expect_success(driver.release(0), "cuDevicePrimaryCtxRelease");
  }
}
