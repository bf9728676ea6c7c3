// SPDX-License-Identifier: Apache-2.0
#include "reader.h"

#include <pthread.h>
#include <stdlib.h>

#include "cli.h"
#include "clock.h"
#include "probe.h"

enum { PAGE = 4096 };

typedef struct member {
  reader *of;
  int32_t index;
  uint64_t seen;
  pthread_t thread;
} member;

struct reader {
  const probe *loops;
  int32_t threads;
  // What the next pass reads; NULL = no more passes.
  const unsigned char *data;
  size_t slice;
  pthread_barrier_t gate;
  member members[];
};

static void read_slice(member *m) {
  m->seen ^= m->of->loops->read(m->of->data + (size_t)m->index * m->of->slice, m->of->slice);
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
  reader *r = loops != NULL ? calloc(1, sizeof *r + (size_t)threads * sizeof *r->members) : NULL;
  if (r == NULL) {
    cli_fail(loops != NULL ? "no memory for %d threads" : "no loops for tier %d in this build",
             loops != NULL ? threads : isa);
    return NULL;
  }
  *r = (reader){.loops = loops, .threads = threads};
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

double reader_pass(reader *r, const void *data, size_t bytes) {
  r->data = data;
  r->slice = bytes / (size_t)r->threads / PAGE * PAGE;
  double start = clock_seconds();
  pthread_barrier_wait(&r->gate);
  read_slice(&r->members[0]);
  pthread_barrier_wait(&r->gate);
  return (double)r->slice * r->threads / (clock_seconds() - start);
}

void reader_close(reader *r) {
  if (r == NULL) return;
  r->data = NULL;
  pthread_barrier_wait(&r->gate);
  for (int32_t i = 1; i < r->threads; i++) pthread_join(r->members[i].thread, NULL);
  pthread_barrier_destroy(&r->gate);
  free(r);
}
