// SPDX-License-Identifier: Apache-2.0
// Stacks to run functions on, and the switch between them, for x86-64. The sanitizers are told of every switch.
#ifndef RAPT_EMULATED_FIBER_H
#define RAPT_EMULATED_FIBER_H

#include <stddef.h>

namespace gpu {

// A stack that runs `body` over and over: each resume() goes on where the fiber last called suspend(). Used by one
// thread of the host only. `body` never returns.
struct fiber {
  void *stack_pointer;
  void *caller_stack_pointer;
  unsigned char *stack;
  size_t size;
  void (*body)(void *);
  void *argument;
  // The sanitizers' state for the fiber and for its caller.
  void *fake_stack;
  void *caller_fake_stack;
  const void *caller_stack;
  size_t caller_size;
  void *thread_fiber;
  void *caller_thread_fiber;
};

// Returns 0 where no memory is left.
int fiber_create(fiber *f, size_t stack_bytes, void (*body)(void *), void *argument);
void fiber_destroy(fiber *f);
void fiber_resume(fiber *f);
// Switches back to the caller of fiber_resume; called on the fiber itself.
void fiber_suspend(fiber *f);

}  // namespace gpu

#endif
