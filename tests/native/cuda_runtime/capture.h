// SPDX-License-Identifier: Apache-2.0
// Graph captures: of the driver's own on a GPU, played by an environment variable on the emulated device.
#ifndef RAPT_TESTS_CUDA_RUNTIME_CAPTURE_H
#define RAPT_TESTS_CUDA_RUNTIME_CAPTURE_H

#include <rapt/rapt.h>

typedef struct capture {
  rapt_context *context;
  // The driver's stream, NULL on the emulated device, and its view to be given to calls.
  void *native;
  rapt_stream *stream;
} capture;

// A stream on the context's device, which is ordinal 0; ends the test where that cannot be had.
void capture_open(capture *c, rapt_context *context);

// Captures what is enqueued on the stream from now on, in the mode in which every unsafe call of the process fails.
void capture_begin(capture *c);

// Ends the capture, and on a GPU runs what it caught once and waits. The emulated device ran it at once.
void capture_end(capture *c);

void capture_close(capture *c);

#endif
