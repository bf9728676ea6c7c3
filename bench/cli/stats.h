// SPDX-License-Identifier: Apache-2.0
#ifndef RAPT_BENCH_STATS_H
#define RAPT_BENCH_STATS_H

#include <stdint.h>

// Of a set of timings, in seconds.
typedef struct stats {
  int64_t count;
  double min, p10, median, p90, max;
} stats;

// Sorts the samples; count >= 1.
stats stats_of(double *samples, int64_t count);

// Times run(state) until `iters` runs are done, or with iters = 0 until about a second has passed (at least one run, at
// most 2000). Shows progress on a terminal. 0 where run failed (it has reported why) or memory is short.
int stats_time(int (*run)(void *state), void *state, int64_t iters, stats *out);

// The same for runs that are timed otherwise than by a look at the clock before and after: sample gives the seconds.
int stats_collect(int (*sample)(void *state, double *seconds), void *state, int64_t iters, stats *out);

#endif
