// SPDX-License-Identifier: Apache-2.0
// Times attention in turns with plain reading of the same keys and values: the bandwidth of a shared machine changes
// from one moment to the next, so only neighbours in time are compared.
#ifndef RAPT_BENCH_TURNS_H
#define RAPT_BENCH_TURNS_H

#include "stats.h"
#include "workload.h"

typedef struct turns {
  // Of single runs.
  stats time;
  // Medians over the turns: what plain reading reached, and which part of it the runs of the same turn did.
  double gbps;
  double share;
} turns;

// As stats_time does, on the CPU; a run moves `bytes`. 0 and a line on stderr on failure.
int turns_time(workload *w, double bytes, int64_t iters, turns *out);

#endif
