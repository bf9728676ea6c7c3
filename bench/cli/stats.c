// SPDX-License-Identifier: Apache-2.0
#include "stats.h"

#include <stdlib.h>

#include "cli.h"
#include "clock.h"
#include "progress.h"

static const int64_t MAX_AUTOMATIC_RUNS = 2000;
static const double AUTOMATIC_SECONDS = 1.0;
// Slow runs still get a spread, unless they are so slow that one must do.
static const int64_t MIN_AUTOMATIC_RUNS = 5;
static const double PATIENCE_SECONDS = 20.0;

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

stats stats_of(double *samples, int64_t count) {
  qsort(samples, (size_t)count, sizeof *samples, ascending);
  int64_t last = count - 1;
  double middle = (samples[last / 2] + samples[(last + 1) / 2]) / 2;
  return (stats){.count = count,
                 .min = samples[0],
                 .p10 = samples[last / 10],
                 .median = middle,
                 .p90 = samples[last - last / 10],
                 .max = samples[last]};
}

static int enough(int64_t done, int64_t iters, double elapsed) {
  if (iters) return done >= iters;
  if (done >= MAX_AUTOMATIC_RUNS || elapsed > PATIENCE_SECONDS) return done >= 1;
  return done >= MIN_AUTOMATIC_RUNS && elapsed > AUTOMATIC_SECONDS;
}

int stats_collect(int (*sample)(void *state, double *seconds), void *state, int64_t iters, stats *out) {
  int64_t room = iters ? iters : MAX_AUTOMATIC_RUNS;
  double *samples = calloc((size_t)room, sizeof *samples);
  if (samples == NULL) {
    cli_fail("no memory for %lld timings", (long long)room);
    return 0;
  }
  int64_t done = 0;
  int good = 1;
  double begin = clock_seconds();
  while (good && !enough(done, iters, clock_seconds() - begin)) {
    good = sample(state, &samples[done++]);
    double elapsed = clock_seconds() - begin;
    progress_show("timing", iters ? (double)done / (double)iters : elapsed / AUTOMATIC_SECONDS);
  }
  progress_clear();
  if (good) *out = stats_of(samples, done);
  free(samples);
  return good;
}

typedef struct clocked {
  int (*run)(void *state);
  void *state;
} clocked;

static int sample_by_clock(void *clocked_state, double *seconds) {
  const clocked *c = clocked_state;
  double start = clock_seconds();
  int good = c->run(c->state);
  *seconds = clock_seconds() - start;
  return good;
}

int stats_time(int (*run)(void *state), void *state, int64_t iters, stats *out) {
  clocked c = {.run = run, .state = state};
  return stats_collect(sample_by_clock, &c, iters, out);
}
