// SPDX-License-Identifier: Apache-2.0
#ifndef RAPT_BENCH_CLOCK_H
#define RAPT_BENCH_CLOCK_H

#include <time.h>

// Monotonic seconds.
static inline double clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
