// SPDX-License-Identifier: Apache-2.0
#include "reader.h"

#include <pthread.h>
#include <stdlib.h>

#include "cli.h"
#include "clock.h"
#include "machine.h"
#include "memory.h"
#include "probe.h"

enum { PAGE = 4096 };

const int read_streams[READ_WAYS] = {1, 2, 4};

typedef struct member {
  reader *of;
  int32_t index;
  uint64_t seen;
  pthread_t thread;
} member;

struct reader {
  const probe *loops;
  int32_t threads;
  // NULL at a gate = no more passes.
  unsigned char *data;
  size_t bytes, slice;
  // Of the next pass.
  int streams;
  pthread_barrier_t gate;
  member members[];
};

static void read_slice(member *m) {
  reader *r = m->of;
  m->seen ^= r->loops->read(r->data + (size_t)m->index * r->slice, r->slice, r->streams);
}

static void *work(void *argument) {
  member *m = argument;
  for (;;) {
    pthread_barrier_wait(&m->of->gate);
    if (m->of->data == NULL) return NULL;
    read_slice(m);
    pthread_barrier_wait(&m->of->gate);
  }
}

reader *reader_open(int32_t isa, int32_t threads) {
  const probe *loops = probe_of(isa);
  int32_t cpus = usable_cpus();
  threads = threads < cpus ? threads : cpus;
  reader *r = loops != NULL ? calloc(1, sizeof *r + (size_t)threads * sizeof *r->members) : NULL;
  if (r == NULL) {
    cli_fail(loops != NULL ? "no memory for %d threads" : "no loops for tier %d in this build",
             loops != NULL ? threads : isa);
    return NULL;
  }
  size_t bytes = memory_beyond_caches();
  *r = (reader){.loops = loops, .threads = threads, .bytes = bytes, .data = memory_take(bytes)};
  if (r->data == NULL) {
    cli_fail("no memory for the bandwidth buffer of %zu MiB", bytes >> 20);
    free(r);
    return NULL;
  }
  memory_touch(r->data, bytes);
  r->slice = bytes / (size_t)threads / PAGE * PAGE;
  pthread_barrier_init(&r->gate, NULL, (unsigned)threads);
  for (int32_t i = 0; i < threads; i++) {
    r->members[i] = (member){.of = r, .index = i};
    if (i > 0 && pthread_create(&r->members[i].thread, NULL, work, &r->members[i])) {
      // The ones that did start wait at the gate for ever: there is nothing to unwind to.
      exit(cli_fail("cannot start thread %d of %d", i + 1, threads));
    }
  }
  return r;
}

void reader_pass(reader *r, double rates[READ_WAYS]) {
  for (int way = 0; way < READ_WAYS; way++) {
    r->streams = read_streams[way];
    double start = clock_seconds();
    pthread_barrier_wait(&r->gate);
    read_slice(&r->members[0]);
    pthread_barrier_wait(&r->gate);
    rates[way] = (double)r->slice * r->threads / (clock_seconds() - start);
  }
}

size_t reader_bytes(const reader *r) { return r->bytes; }

void reader_close(reader *r) {
  if (r == NULL) return;
  unsigned char *data = r->data;
  r->data = NULL;
  pthread_barrier_wait(&r->gate);
  for (int32_t i = 1; i < r->threads; i++) pthread_join(r->members[i].thread, NULL);
  pthread_barrier_destroy(&r->gate);
  memory_give_back(data, r->bytes);
  free(r);
}
