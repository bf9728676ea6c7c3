// SPDX-License-Identifier: Apache-2.0
// The floating-point environment of a thread: rounding mode, flush-to-zero, denormals-are-zero and traps. A caller may
// have changed any of them (-ffast-math does so when a program starts); the kernels and checks rely on the default.
#ifndef RAPT_BASE_ENVIRONMENT_H
#define RAPT_BASE_ENVIRONMENT_H

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

// MXCSR after reset: round to nearest, denormals count, nothing traps. The low six bits are flags that any operation
// may raise.
#define RAPT_ENVIRONMENT_DEFAULT 0x1f80u
#define RAPT_ENVIRONMENT_FLAGS 0x3fu

static inline int rapt_environment_is_default(unsigned environment) {
  return (environment & ~RAPT_ENVIRONMENT_FLAGS) == RAPT_ENVIRONMENT_DEFAULT;
}

// Sets the calling thread's environment to the default. Returns what it was, for rapt_environment_leave. Reading it is
// cheap; it is written only where it differs.
static inline unsigned rapt_environment_enter(void) {
#if defined(__x86_64__)
  unsigned before = _mm_getcsr();
  if (!rapt_environment_is_default(before)) _mm_setcsr(RAPT_ENVIRONMENT_DEFAULT);
  return before;
#else
  return RAPT_ENVIRONMENT_DEFAULT;
#endif
}

static inline void rapt_environment_leave(unsigned before) {
#if defined(__x86_64__)
  if (!rapt_environment_is_default(before)) _mm_setcsr(before);
#else
  (void)before;
#endif
}

#endif
