// SPDX-License-Identifier: Apache-2.0
#include "capture.h"

#include "device.h"
#include "support/check.h"

void capture_open(capture *c, rapt_context *context) {
  rapt_error error = {.struct_size = sizeof error};
  void *primary = NULL;
  *c = (capture){.context = context, .driver = driver_load(cuda_is_emulated(context))};
  driver_expect(c->driver->retain(&primary, 0), "cuDevicePrimaryCtxRetain");
  driver_expect(c->driver->set_current(primary), "cuCtxSetCurrent");
  driver_expect(c->driver->stream_create(&c->native, DRIVER_NON_BLOCKING), "cuStreamCreate");
  if (rapt_stream_wrap(context, c->native, &c->stream, &error) != RAPT_OK) check_abort("no stream: %s", error.message);
}

void capture_begin(capture *c) {
  driver_expect(c->driver->begin_capture(c->native, DRIVER_GLOBAL_MODE), "cuStreamBeginCapture");
}

void capture_end(capture *c) {
  void *graph = NULL, *executable = NULL;
  driver_expect(c->driver->end_capture(c->native, &graph), "cuStreamEndCapture");
  driver_expect(c->driver->instantiate(&executable, graph, 0), "cuGraphInstantiate");
  driver_expect(c->driver->launch(executable, c->native), "cuGraphLaunch");
  driver_expect(c->driver->stream_synchronize(c->native), "the graph");
  driver_expect(c->driver->destroy_executable(executable), "cuGraphExecDestroy");
  driver_expect(c->driver->destroy_graph(graph), "cuGraphDestroy");
}

void capture_close(capture *c) {
  rapt_stream_destroy(c->stream);
  driver_expect(c->driver->stream_destroy(c->native), "cuStreamDestroy");
  driver_expect(c->driver->release(0), "cuDevicePrimaryCtxRelease");
}
