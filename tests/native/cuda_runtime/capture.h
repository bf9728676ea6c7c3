// SPDX-License-Identifier: Apache-2.0
// Graph captures by the driver's own interface. The emulated device runs what is captured at once.
#ifndef RAPT_TESTS_CUDA_RUNTIME_CAPTURE_H
#define RAPT_TESTS_CUDA_RUNTIME_CAPTURE_H

#include <rapt/rapt.h>

#include "driver.h"

typedef struct capture {
  rapt_context *context;
  const driver_api *driver;
  // The driver's stream, and its view to be given to calls.
  void *native;
  rapt_stream *stream;
} capture;

// A stream on the context's device, which is ordinal 0; its primary context becomes the thread's. Ends the test where
// that cannot be had.
void capture_open(capture *c, rapt_context *context);

// Captures what is enqueued on the stream from now on, in the mode in which every unsafe call of the process fails.
void capture_begin(capture *c);

// Ends the capture, which nothing may have made useless, runs what it caught once, and waits.
void capture_end(capture *c);

void capture_close(capture *c);

#endif
