// SPDX-License-Identifier: Apache-2.0
// As much of the driver's own interface as tests use beside Rapt, as any other library in the process may: the names
// that libcuda.so.1 exports, for the emulated device.
#include <cstddef>

#include "cuda/runtime/driver.h"
#include "emulated/machine.h"

// Not from cuda.h, which needs a toolkit.
#define EXPORTED extern "C" __attribute__((visibility("default"))) int

using emulated::context;

EXPORTED cuInit(unsigned) { return DRIVER_SUCCESS; }

EXPORTED cuDevicePrimaryCtxRetain(context **out, int ordinal) {
  *out = emulated::primary_context(ordinal);
  return DRIVER_SUCCESS;
}
EXPORTED cuDevicePrimaryCtxRelease_v2(int) { return DRIVER_SUCCESS; }

EXPORTED cuCtxCreate_v2(context **out, unsigned, int ordinal) {
  if (ordinal < 0 || ordinal >= emulated::devices()) return emulated::INVALID_DEVICE;
  *out = emulated::create_context(ordinal);
  emulated::push(*out);
  return DRIVER_SUCCESS;
}
EXPORTED cuCtxDestroy_v2(context *c) {
  if (emulated::current() == c) emulated::pop();
  emulated::destroy_context(c);
  return DRIVER_SUCCESS;
}
EXPORTED cuCtxGetCurrent(context **out) {
  *out = emulated::current();
  return DRIVER_SUCCESS;
}
EXPORTED cuCtxSetCurrent(context *c) {
  emulated::set_current(c);
  return DRIVER_SUCCESS;
}

// CU_STREAM_NON_BLOCKING is 1.
EXPORTED cuStreamCreate(driver_stream *out, unsigned flags) { return driver_stream_create(flags == 0, out); }
EXPORTED cuStreamDestroy_v2(driver_stream stream) { return driver_stream_destroy(stream); }
EXPORTED cuStreamSynchronize(driver_stream stream) { return driver_stream_synchronize(stream); }

EXPORTED cuLaunchHostFunc(emulated::stream *stream, void (*function)(void *), void *argument) {
  emulated::enqueue_host(stream, function, argument);
  return DRIVER_SUCCESS;
}

EXPORTED cuMemAlloc_v2(void **out, size_t bytes) { return driver_allocate(bytes, out); }
EXPORTED cuMemFree_v2(void *memory) { return driver_release(memory); }

EXPORTED cuStreamBeginCapture_v2(emulated::stream *stream, int mode) { return emulated::begin_capture(stream, mode); }
EXPORTED cuStreamEndCapture(emulated::stream *stream, void **graph) {
  *graph = nullptr;
  return emulated::end_capture(stream);
}
// What was captured has run: a graph is nothing.
EXPORTED cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long) {
  *executable = graph;
  return DRIVER_SUCCESS;
}
EXPORTED cuGraphLaunch(void *, void *) { return DRIVER_SUCCESS; }
EXPORTED cuGraphExecDestroy(void *) { return DRIVER_SUCCESS; }
EXPORTED cuGraphDestroy(void *) { return DRIVER_SUCCESS; }
