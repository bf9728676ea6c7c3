// SPDX-License-Identifier: Apache-2.0
// The state of the emulated machine that its driver and the driver's own interface (api.cpp) share: CUDA contexts,
// whose they are current, and streams.
#ifndef RAPT_EMULATED_MACHINE_H
#define RAPT_EMULATED_MACHINE_H

#include "emulated/host.h"

namespace emulated {

// The values of cudaError_t that this driver reports besides those that the runtime tells apart.
constexpr int INVALID_VALUE = 1, INVALID_DEVICE = 101, INVALID_CONTEXT = 201, ILLEGAL_ADDRESS = 700,
              LAUNCH_FAILURE = 719;

struct context {
  int ordinal;
};

// What a stream's handle points to. Kernels' launches look at its context.
struct stream : gpu::host_stream {};

// How many devices there are.
int devices();

// The device's primary context; lives as long as the process.
context *primary_context(int ordinal);

// The calling thread's stack of contexts. current() is NULL where it is empty; set_current replaces the top.
context *current();
void push(context *c);
context *pop();
void set_current(context *c);

// Ends the program where what belongs to `owner` is used while another context is current.
void check_owner(const char *what, const void *owner);

stream *create_stream();

// An integer from the environment.
int64_t setting(const char *name, int64_t otherwise);

}  // namespace emulated

#endif
