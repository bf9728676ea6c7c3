// SPDX-License-Identifier: Apache-2.0
#include "ceilings.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "clock.h"
#include "machine.h"
#include "memory.h"
#include "probe.h"

enum { FMA_PASSES = 12, READ_PASSES = 6, COPY_PASSES = 6 };

enum work { MULTIPLY_ADD, READ, COPY };

typedef struct team {
  const probe *loops;
  int32_t threads;
  int64_t rounds;
  unsigned char *data;
  size_t slice;
  pthread_barrier_t gate;
  // Only copies, or everything else.
  int copying;
} team;

typedef struct member {
  team *of;
  int32_t index;
  double flops;
  uint64_t seen;
  pthread_t thread;
} member;

// Every pass starts and ends at the gate, so that the first member's clock spans the slowest one.
static double pass(member *m, enum work what) {
  team *t = m->of;
  unsigned char *data = t->data + (size_t)m->index * t->slice;
  pthread_barrier_wait(&t->gate);
  double start = clock_seconds();
  if (what == READ) {
    m->seen ^= t->loops->read(data, t->slice);
  } else if (what == COPY) {
    memcpy(data + t->slice / 2, data, t->slice / 2);
  } else {
    m->flops = t->loops->multiply_add(t->rounds);
  }
  pthread_barrier_wait(&t->gate);
  return clock_seconds() - start;
}

static void *work(void *argument) {
  member *m = argument;
  for (int i = 0; m->of->copying && i < COPY_PASSES; i++) pass(m, COPY);
  for (int i = 0; !m->of->copying && i < FMA_PASSES; i++) pass(m, MULTIPLY_ADD);
  for (int i = 0; !m->of->copying && i < READ_PASSES; i++) pass(m, READ);
  return NULL;
}

static void lead(member *m, ceilings *out) {
  const team *t = m->of;
  for (int i = 0; !t->copying && i < FMA_PASSES; i++) {
    double seconds = pass(m, MULTIPLY_ADD);
    double gflops = m->flops * t->threads / seconds * 1e-9;
    out->gflops = gflops > out->gflops ? gflops : out->gflops;
  }
  // A copy reads half of a slice and writes the other.
  for (int i = 0; i < (t->copying ? COPY_PASSES : READ_PASSES); i++) {
    double seconds = pass(m, t->copying ? COPY : READ);
    double gbps = (double)t->slice * t->threads / seconds * 1e-9;
    out->gbps = gbps > out->gbps ? gbps : out->gbps;
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

// The CPUs this process may run on: more threads than that reach no higher, and only queue up.
static int32_t usable_cpus(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) ? 1024 : CPU_COUNT(&set);
}

// loops NULL: copies.
static int measure(const probe *loops, int32_t threads, ceilings *out) {
  int32_t cpus = usable_cpus();
  threads = threads < cpus ? threads : cpus;
  const device cpu = {.cuda = 0};
  size_t bytes = 4 * last_cache_bytes(&cpu);
  bytes = bytes < (size_t)256 << 20 ? (size_t)256 << 20 : bytes;
  bytes = bytes > (size_t)1 << 30 ? (size_t)1 << 30 : bytes;
  // Whole pages per thread.
  size_t slice = bytes / (size_t)threads & ~(size_t)4095;
  unsigned char *data = memory_take(bytes);
  if (data == NULL) {
    cli_fail("no memory for the bandwidth buffer of %zu MiB", bytes >> 20);
    return 0;
  }
  memory_touch(data, bytes);
  team t = {.loops = loops, .threads = threads, .data = data, .slice = slice, .copying = loops == NULL};
  t.rounds = loops != NULL ? calibrate(loops) : 0;
  int good = run_team(&t, out);
  out->buffer_bytes = bytes;
  out->threads = threads;
  memory_give_back(data, bytes);
  return good;
}

int ceilings_measure(int32_t isa, int32_t threads, ceilings *out) {
  const probe *loops = probe_of(isa);
  if (loops == NULL) {
    cli_fail("no ceiling loops for tier %d in this build", isa);
    return 0;
  }
  out->issue = issue_rate_measure();
  return measure(loops, threads, out);
}

int ceilings_measure_copy(int32_t threads, ceilings *out) { return measure(NULL, threads, out); }
