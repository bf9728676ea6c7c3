// SPDX-License-Identifier: Apache-2.0
// Times what is bound by reading in turns with plain reading: the bandwidth of a shared machine changes from one moment
// to the next, so only neighbours in time are compared.
#ifndef RAPT_BENCH_TURNS_H
#define RAPT_BENCH_TURNS_H

#include "device.h"
#include "stats.h"

// What takes turns with reading.
typedef struct turns_subject {
  // For stats_time, on a CPU; a run moves `bytes`.
  const device *on;
  int (*run)(void *state);
  void *state;
  double bytes;
} turns_subject;

typedef struct turns {
  // Of single runs.
  stats time;
  // Medians over the turns, of the number of streams whose median rate is highest: what plain reading reached, and
  // which part of it the runs of the same turn did.
  double gbps;
  double share;
  int streams;
} turns;

// As stats_time does. 0 and a line on stderr on failure.
int turns_time(const turns_subject *subject, int64_t iters, turns *out);

#endif
