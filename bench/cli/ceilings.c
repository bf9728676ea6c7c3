// SPDX-License-Identifier: Apache-2.0
#include "ceilings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "clock.h"
#include "machine.h"
#include "memory.h"
#include "probe.h"
#include "reader.h"

// Of reading in each way.
enum { FMA_PASSES = 12, READ_PASSES = 4, COPY_PASSES = 6 };

typedef struct team {
  // NULL: copies.
  const probe *loops;
  int32_t threads;
  int64_t rounds;
  unsigned char *data;
  size_t slice;
  pthread_barrier_t gate;
} team;

typedef struct member {
  team *of;
  int32_t index;
  double flops;
  pthread_t thread;
} member;

static int passes(const team *t) { return t->loops == NULL ? COPY_PASSES : FMA_PASSES; }

// Every pass starts and ends at the gate, so that the first member's clock spans the slowest one.
static double pass(member *m) {
  team *t = m->of;
  pthread_barrier_wait(&t->gate);
  double start = clock_seconds();
  if (t->loops == NULL) {
    unsigned char *data = t->data + (size_t)m->index * t->slice;
    memcpy(data + t->slice / 2, data, t->slice / 2);
  } else {
    m->flops = t->loops->multiply_add(t->rounds);
  }
  pthread_barrier_wait(&t->gate);
  return clock_seconds() - start;
}

static void *work(void *argument) {
  member *m = argument;
  for (int i = 0; i < passes(m->of); i++) pass(m);
  return NULL;
}

static void lead(member *m, ceilings *out) {
  const team *t = m->of;
  for (int i = 0; i < passes(t); i++) {
    double seconds = pass(m);
    // A copy reads half of a slice and writes the other.
    double rate = (t->loops == NULL ? (double)t->slice : m->flops) * t->threads / seconds * 1e-9;
    double *best = t->loops == NULL ? &out->gbps : &out->gflops;
    *best = rate > *best ? rate : *best;
  }
}

// Rounds that take about 10 ms: long beside the gate, short beside a time slice.
static int64_t calibrate(const probe *loops) {
  int64_t rounds = 10000;
  for (;;) {
    double start = clock_seconds();
    loops->multiply_add(rounds);
    if (clock_seconds() - start > 0.01 || rounds > INT64_C(1) << 40) return rounds;
    rounds *= 2;
  }
}

static int run_team(team *t, ceilings *out) {
  member *members = calloc((size_t)t->threads, sizeof *members);
  if (members == NULL) {
    cli_fail("no memory for %d threads", t->threads);
    return 0;
  }
  pthread_barrier_init(&t->gate, NULL, (unsigned)t->threads);
  int32_t started = 1;
  for (; started < t->threads; started++) {
    members[started] = (member){.of = t, .index = started};
    if (pthread_create(&members[started].thread, NULL, work, &members[started])) {
      // The ones that did start wait at the gate for ever: there is nothing to unwind to.
      exit(cli_fail("cannot start thread %d of %d", started + 1, t->threads));
    }
  }
  members[0] = (member){.of = t, .index = 0};
  lead(&members[0], out);
  for (int32_t i = 1; i < started; i++) pthread_join(members[i].thread, NULL);
  pthread_barrier_destroy(&t->gate);
  free(members);
  return 1;
}

static int32_t at_most_cpus(int32_t threads) {
  int32_t cpus = usable_cpus();
  return threads < cpus ? threads : cpus;
}

static int measure_reading(int32_t isa, int32_t threads, ceilings *out) {
  reader *r = reader_open(isa, threads);
  if (r == NULL) return 0;
  for (int i = 0; i < READ_PASSES; i++) {
    double rates[READ_WAYS];
    reader_pass(r, rates);
    for (int way = 0; way < READ_WAYS; way++) {
      if (rates[way] * 1e-9 <= out->gbps) continue;
      out->gbps = rates[way] * 1e-9;
      out->streams = read_streams[way];
    }
  }
  out->buffer_bytes = reader_bytes(r);
  reader_close(r);
  return 1;
}

int ceilings_measure_peak(int32_t isa, int32_t threads, ceilings *out) {
  const probe *loops = probe_of(isa);
  if (loops == NULL) {
    cli_fail("no ceiling loops for tier %d in this build", isa);
    return 0;
  }
  out->issue = issue_rate_measure();
  out->threads = at_most_cpus(threads);
  team t = {.loops = loops, .threads = out->threads, .rounds = calibrate(loops)};
  return run_team(&t, out);
}

int ceilings_measure(int32_t isa, int32_t threads, ceilings *out) {
  return ceilings_measure_peak(isa, threads, out) && measure_reading(isa, threads, out);
}

int ceilings_measure_copy(int32_t threads, ceilings *out) {
  size_t bytes = memory_beyond_caches();
  unsigned char *data = memory_take(bytes);
  if (data == NULL) {
    cli_fail("no memory for the bandwidth buffer of %zu MiB", bytes >> 20);
    return 0;
  }
  memory_touch(data, bytes);
  out->copied = 1;
  out->threads = at_most_cpus(threads);
  // Whole pages per thread.
  team t = {.threads = out->threads, .data = data, .slice = bytes / (size_t)out->threads & ~(size_t)4095};
  int good = run_team(&t, out);
  out->buffer_bytes = bytes;
  memory_give_back(data, bytes);
  return good;
}
