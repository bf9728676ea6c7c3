// SPDX-License-Identifier: Apache-2.0
#include "turns.h"

#include "cli.h"
#include "clock.h"
#include "memory.h"
#include "reader.h"

// Runs of a turn take about as long as the reading before them, but there is one at least.
enum { MOST_TURNS = 4096, MOST_RUNS = 4096 };

typedef struct state {
  workload *w;
  reader *reading;
  double bytes;
  int64_t turns;
  // Of the turn under way: how long its reading took, what it reached, its runs.
  double budget, rate, spent;
  int64_t runs;
  double seconds[MOST_RUNS];
  double rates[MOST_TURNS];
  double shares[MOST_TURNS];
} state;

static void end_turn(state *s) {
  if (s->runs == 0 || s->turns == MOST_TURNS) return;
  s->rates[s->turns] = s->rate;
  s->shares[s->turns++] = s->bytes / stats_of(s->seconds, s->runs).median / s->rate;
}

static int begin_turn(state *s) {
  workload *w = s->w;
  double start = clock_seconds();
  size_t copies = (size_t)w->copies * w->kv_width;
  double keys = reader_pass(s->reading, w->key, w->key_count * copies);
  double values = reader_pass(s->reading, w->value, w->value_count * copies);
  s->rate = 2 / (1 / keys + 1 / values);
  s->budget = clock_seconds() - start;
  s->spent = 0;
  s->runs = 0;
  // Wakes the workers.
  return workload_run(w);
}

static int sample(void *turns_state, double *seconds) {
  state *s = turns_state;
  if (s->runs == MOST_RUNS || s->spent >= s->budget) {
    end_turn(s);
    if (!begin_turn(s)) return 0;
  }
  double start = clock_seconds();
  int good = workload_run(s->w);
  *seconds = clock_seconds() - start;
  s->spent += *seconds;
  s->seconds[s->runs++] = *seconds;
  return good;
}

int turns_time(workload *w, double bytes, int64_t iters, turns *out) {
  state *s = memory_take(sizeof *s);
  if (s == NULL) return cli_fail("no memory for the timings") == EXIT_GOOD;
  *s = (state){.w = w, .bytes = bytes, .reading = reader_open(w->on->isa, w->on->threads)};
  int good = s->reading != NULL && stats_collect(sample, s, iters, &out->time);
  if (good) {
    end_turn(s);
    out->gbps = stats_of(s->rates, s->turns).median * 1e-9;
    out->share = stats_of(s->shares, s->turns).median;
  }
  reader_close(s->reading);
  memory_give_back(s, sizeof *s);
  return good;
}
