// SPDX-License-Identifier: Apache-2.0
// What every timing command prints, as text and as JSON.
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
  // Of the read bandwidth, where reading took turns with the runs; else 0.
  double share_in_turns;
  // Copies of the data the runs went over in turn.
  int64_t copies;
} report;

// Whether the ceilings say that moving the bytes takes longer than doing the arithmetic, or know only of the bytes.
int report_is_memory_bound(double flops, double bytes, const ceilings *c);

// Plan, verification, time, rates and the share of the ceiling, a line each.
void report_print(const report *r);

// The same as fields of the JSON object that is open.
void report_json(const report *r);

// The problem's sizes and options as fields of the JSON object that is open.
void report_json_problem(const bench_problem *p);

#endif
