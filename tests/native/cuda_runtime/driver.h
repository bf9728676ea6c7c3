// SPDX-License-Identifier: Apache-2.0
// The driver's own interface, as any other library in a process may use it: of libcuda.so.1 on a GPU, of the plug-in
// with the emulated device. By name, because the tests are built without CUDA's headers. Functions return 0 for
// success.
#ifndef RAPT_TESTS_CUDA_RUNTIME_DRIVER_H
#define RAPT_TESTS_CUDA_RUNTIME_DRIVER_H

#include <stddef.h>

// DRIVER_ORDERED: the stream and the default stream wait for each other.
enum { DRIVER_GLOBAL_MODE = 0, DRIVER_ORDERED = 0, DRIVER_NON_BLOCKING = 1 };

typedef struct driver_api {
  int (*init)(unsigned flags);
  int (*retain)(void **context, int device);
  int (*release)(int device);
  int (*create)(void **context, unsigned flags, int device);
  int (*destroy)(void *context);
  int (*get_current)(void **context);
  int (*set_current)(void *context);
  int (*allocate)(void **memory, size_t bytes);
  int (*free)(void *memory);
  int (*stream_create)(void **stream, unsigned flags);
  int (*stream_destroy)(void *stream);
  int (*stream_synchronize)(void *stream);
  int (*launch_host)(void *stream, void (*function)(void *), void *argument);
  int (*begin_capture)(void *stream, int mode);
  int (*end_capture)(void *stream, void **graph);
  int (*instantiate)(void **executable, void *graph, unsigned long long flags);
  int (*launch)(void *executable, void *stream);
  int (*destroy_executable)(void *executable);
  int (*destroy_graph)(void *graph);
} driver_api;

// Loads the functions once; ends the test where one is missing.
const driver_api *driver_load(int emulated);

// Ends the test where code is not 0.
void driver_expect(int code, const char *what);

#endif
