// SPDX-License-Identifier: Apache-2.0
// The state of the emulated machine that its driver and the driver's own interface (api.cpp) share: CUDA contexts,
// whose they are current, and streams.
#ifndef RAPT_EMULATED_MACHINE_H
#define RAPT_EMULATED_MACHINE_H

#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "emulated/host.h"

namespace emulated {

// The values of cudaError_t that this driver reports besides those that the runtime tells apart.
constexpr int INVALID_DEVICE = 101, INVALID_CONTEXT = 201, ILLEGAL_ADDRESS = 700, LAUNCH_FAILURE = 719,
              CAPTURE_UNSUPPORTED = 900, CAPTURE_INVALIDATED = 901, CAPTURED_EVENT = 907;

struct context {
  int ordinal;
};

// What a stream's handle points to. Kernels' launches look at its context. Work that is captured runs at once.
struct stream : gpu::host_stream {
  bool captures = false;
  // Whether it and the default stream wait for each other.
  bool ordered = false;
  // How it is captured and on which thread, and whether a call has made that useless.
  int mode = 0;
  std::thread::id thread;
  bool broken = false;
  // Host functions that nobody has waited for; and the mutex of whoever runs them.
  std::vector<std::pair<void (*)(void *), void *>> functions;
  std::mutex running;
};

// How many devices there are.
int devices();

// The device's primary context; lives as long as the process.
context *primary_context(int ordinal);

// A context of somebody's own, and its end.
context *create_context(int ordinal);
void destroy_context(context *c);

// The calling thread's stack of contexts. current() is NULL where it is empty; set_current replaces the top.
context *current();
void push(context *c);
context *pop();
void set_current(context *c);

// Ends the program where what belongs to `owner` is used while another context is current.
void check_owner(const char *what, const void *owner);

stream *create_stream(bool ordered);
void destroy_stream(stream *s);
bool captures(const stream *s);

// Captures as CUDA has them. Modes are those of cudaStreamCaptureMode.
enum : int { GLOBAL_MODE = 0, THREAD_LOCAL_MODE = 1, RELAXED_MODE = 2 };
int begin_capture(stream *s, int mode);
int end_capture(stream *s);
// Sets the calling thread's mode and returns the one before.
int exchange_mode(int mode);
// A call that the thread's mode may forbid during a capture, its own or another thread's: refused then, which makes the
// capture useless.
int unsafe_call();
// Waiting for a stream: refused in every mode while that is being captured. Runs the host functions that it holds.
int wait_call(stream *s);
// Waiting for an event that was recorded on a stream outside captures: for what the stream holds, if it still lives.
int wait_for_recorded(stream *s);
// Whether an ordered stream of the current context is being captured; and what uses the default stream then, which is
// refused and makes the capture useless.
bool default_is_held();
int default_call();
// Enqueues a function of the host. Work runs when it is enqueued; such a function when somebody waits for the stream.
void enqueue_host(stream *s, void (*function)(void *), void *argument);

// An integer from the environment.
int64_t setting(const char *name, int64_t otherwise);

}  // namespace emulated

#endif
