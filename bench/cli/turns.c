// SPDX-License-Identifier: Apache-2.0
#include "turns.h"

#include "cli.h"
#include "clock.h"
#include "memory.h"
#include "reader.h"

// Runs of a turn take about as long as the reading before them, but there is one at least.
enum { MOST_TURNS = 4096, MOST_RUNS = 4096 };

typedef struct state {
  const turns_subject *subject;
  reader *reading;
  int64_t turns;
  // Of the turn under way: how long its reading took, what it reached, its runs.
  double budget, rate[READ_WAYS], spent;
  int64_t runs;
  double seconds[MOST_RUNS];
  double rates[READ_WAYS][MOST_TURNS];
  double shares[READ_WAYS][MOST_TURNS];
} state;

static void end_turn(state *s) {
  if (s->runs == 0 || s->turns == MOST_TURNS) return;
  double reached = s->subject->bytes / stats_of(s->seconds, s->runs).median;
  for (int way = 0; way < READ_WAYS; way++) {
    s->rates[way][s->turns] = s->rate[way];
    s->shares[way][s->turns] = reached / s->rate[way];
  }
  s->turns++;
}

static int begin_turn(state *s) {
  double start = clock_seconds();
  reader_pass(s->reading, s->rate);
  s->budget = clock_seconds() - start;
  s->spent = 0;
  s->runs = 0;
  // Wakes the workers.
  return s->subject->run(s->subject->state);
}

static int sample(void *turns_state, double *seconds) {
  state *s = turns_state;
  if (s->runs == MOST_RUNS || s->spent >= s->budget) {
    end_turn(s);
    if (!begin_turn(s)) return 0;
  }
  double start = clock_seconds();
  int good = s->subject->run(s->subject->state);
  *seconds = clock_seconds() - start;
  s->spent += *seconds;
  s->seconds[s->runs++] = *seconds;
  return good;
}

int turns_time(const turns_subject *subject, int64_t iters, turns *out) {
  state *s = memory_take(sizeof *s);
  if (s == NULL) return cli_fail("no memory for the timings") == EXIT_GOOD;
  *s = (state){.subject = subject, .reading = reader_open(subject->on->isa, subject->on->threads)};
  int good = s->reading != NULL && stats_collect(sample, s, iters, &out->time);
  if (good) end_turn(s);
  out->gbps = 0;
  for (int way = 0; good && way < READ_WAYS; way++) {
    double gbps = stats_of(s->rates[way], s->turns).median * 1e-9;
    if (gbps <= out->gbps) continue;
    out->gbps = gbps;
    out->share = stats_of(s->shares[way], s->turns).median;
    out->streams = read_streams[way];
  }
  reader_close(s->reading);
  memory_give_back(s, sizeof *s);
  return good;
}
