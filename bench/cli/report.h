// SPDX-License-Identifier: Apache-2.0
// What every timing command measures around its runs and prints, as text and as JSON.
#ifndef RAPT_BENCH_REPORT_H
#define RAPT_BENCH_REPORT_H

#include <rapt/rapt.h>

#include "ceilings.h"
#include "check.h"
#include "device.h"
#include "problem.h"
#include "stats.h"

// A finished measurement.
typedef struct report {
  const device *on;
  const rapt_plan *plan;
  check verified;
  stats time;
  ceilings ceiling;
  // Work and memory traffic of one run.
  double flops, bytes;
  // Of the read bandwidth, where reading took turns with the runs; else 0. The ceiling's gbps is then the median.
  double share_in_turns;
  // Whether the rows lie in a cache, so that bytes are no limit.
  int from_cache;
  // Copies of the data the runs went over in turn.
  int64_t copies;
} report;

// Whether the ceilings say that moving the bytes takes longer than doing the arithmetic, or know only of the bytes.
int report_is_memory_bound(double flops, double bytes, const ceilings *c);

// Measures the ceilings of r->on; a second time, after the runs, what nothing disturbed counts, so that a slow moment
// before them does not flatter the share. What was read in turns stays. 0 and a line on stderr on failure.
int report_measure_ceilings(report *r);

// The multiply-add peak and the bandwidth of copies of a CPU, of which the higher counts each time.
int report_measure_copy(report *r);

// Times runs on a CPU in turns with plain reading. 0 and a line on stderr on failure.
int report_time_in_turns(report *r, int (*run)(void *state), void *state, int64_t iters);

// Plan, verification, time, rates and the share of the ceiling, a line each.
void report_print(const report *r);

// The same as fields of the JSON object that is open.
void report_json(const report *r);

// The problem's sizes and options as fields of the JSON object that is open.
void report_json_problem(const bench_problem *p);

#endif
