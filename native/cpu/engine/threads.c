// SPDX-License-Identifier: Apache-2.0
#include "cpu/engine/threads.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cpu/engine/affinity.h"
#include "cpu/engine/features.h"

#define CACHE_LINE 64

// How long a thread looks for what it waits for before it sleeps. Waking a sleeper takes this long on a virtual
// machine, so that spinning never costs more than twice what sleeping at once would have.
#define SPIN_NANOSECONDS 50000
// Pauses between two looks at the clock.
#define SPIN_PAUSES 64

// Work in multiply-adds, for vectors of 16 floats. Below SHARED_WORK (some 5 microseconds) another thread, even a
// spinning one, costs more than it saves. From WAKING_WORK (some 40 microseconds) it is worth waking one: the call
// spends 8 microseconds on that, and help comes 30 later.
#define SHARED_WORK (512 * 1024)
#define WAKING_WORK (4 * 1024 * 1024)
#define WORK_LANES 16

// Bits of a station's state: how many workers are inside, how many seats are left (seat n works on slot n), whether a
// caller has taken the station, and whether that caller sleeps until the workers have left.
#define ACTIVE_ONE 1u
#define ACTIVE_MASK 0xfffu
#define SEAT_ONE 0x1000u
#define SEAT_MASK 0xfff000u
#define TAKEN 0x1000000u
#define WAITING 0x2000000u

// A rapt_parallel call offers its job to workers at a station. Stations live as long as the pool, so a worker may look
// at one whose call is over; it may read the job only once it has taken a seat.
typedef struct station {
  _Alignas(CACHE_LINE) atomic_uint state;
  rapt_task run;
  void *argument;
  atomic_int_least64_t tasks;
  _Alignas(CACHE_LINE) atomic_int_least64_t next_task;
} station;

typedef struct worker {
  rapt_pool *pool;
  pthread_t thread;
  int32_t index;
} worker;

struct rapt_pool {
  // Changes with every offer. Idle workers watch it, and sleep on it as a futex.
  _Alignas(CACHE_LINE) atomic_uint offers;
  // Threads at work on parallel calls, callers and workers; workers asleep; workers watching `offers`.
  _Alignas(CACHE_LINE) atomic_int busy;
  _Alignas(CACHE_LINE) atomic_int asleep;
  atomic_int watching;
  atomic_int stopping;
  // When the last call ended.
  _Alignas(CACHE_LINE) atomic_int_least64_t last_end;
  int32_t threads;
  // Whether there is a CPU, and time on it, for every thread, so that a spinning thread takes no time from another.
  int may_spin;
  int32_t started;
  worker *workers;
  // As many as threads: with more callers than that, no worker is free to help.
  station stations[];
};

static void futex_wait(atomic_uint *word, unsigned expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// State of a loop that spins. keep_spinning pauses, and returns 0 when it is time to sleep instead.
typedef struct spin {
  int64_t pauses;
  int64_t end;
} spin;

static int keep_spinning(spin *s) {
  pause_briefly();
  if (s->pauses++ % SPIN_PAUSES != 0) return 1;
  int64_t now = nanoseconds();
  if (s->end == 0) s->end = now + SPIN_NANOSECONDS;
  return now < s->end;
}

static void run_tasks(station *s, rapt_task run, void *argument, int64_t tasks, int32_t slot) {
  for (;;) {
    int64_t task = atomic_fetch_add_explicit(&s->next_task, 1, memory_order_relaxed);
    if (task >= tasks) return;
    run(argument, task, slot);
  }
}

// Only a hint: by the time a seat is taken, the job may be over or another one.
static int has_work(station *s) {
  return (atomic_load(&s->state) & SEAT_MASK) != 0 && atomic_load_explicit(&s->next_task, memory_order_relaxed) <
                                                          atomic_load_explicit(&s->tasks, memory_order_relaxed);
}

static station *find_work(rapt_pool *pool, int32_t start) {
  for (int32_t i = 0; i < pool->threads; i++) {
    station *s = &pool->stations[(start + i) % pool->threads];
    if (has_work(s)) return s;
  }
  return NULL;
}

// Takes a seat; returns its slot, or 0 where none is left.
static int32_t take_seat(station *s) {
  unsigned state = atomic_load(&s->state);
  do {
    if ((state & SEAT_MASK) == 0) return 0;
  } while (!atomic_compare_exchange_weak(&s->state, &state, state - SEAT_ONE + ACTIVE_ONE));
  return (int32_t)((state & SEAT_MASK) / SEAT_ONE);
}

static void leave(station *s) {
  unsigned before = atomic_fetch_sub(&s->state, ACTIVE_ONE);
  if ((before & WAITING) != 0 && (before & ACTIVE_MASK) == ACTIVE_ONE) futex_wake(&s->state, 1);
}

static int has_room(rapt_pool *pool) { return atomic_load(&pool->busy) < pool->threads; }

// Helps with one job. Returns whether there was one, and room for another thread.
static int help(rapt_pool *pool, int32_t index) {
  station *s = NULL;
  if (atomic_fetch_add(&pool->busy, 1) < pool->threads) s = find_work(pool, index);
  int32_t slot = s == NULL ? 0 : take_seat(s);
  if (slot > 0) {
    run_tasks(s, s->run, s->argument, atomic_load_explicit(&s->tasks, memory_order_relaxed), slot);
    leave(s);
  }
  atomic_fetch_sub(&pool->busy, 1);
  return s != NULL;
}

static void idle(rapt_pool *pool, unsigned seen) {
  if (pool->may_spin && has_room(pool)) {
    int changed = 0;
    atomic_fetch_add(&pool->watching, 1);
    for (spin s = {0}; !changed && keep_spinning(&s);) {
      changed = atomic_load_explicit(&pool->offers, memory_order_acquire) != seen;
    }
    atomic_fetch_sub(&pool->watching, 1);
    if (changed) return;
  }
  // Count as asleep first: from here on every new offer or free place wakes this thread. What was there before is found
  // by looking once more.
  atomic_fetch_add(&pool->asleep, 1);
  if (!(has_room(pool) && find_work(pool, 0) != NULL) && !atomic_load(&pool->stopping)) futex_wait(&pool->offers, seen);
  atomic_fetch_sub(&pool->asleep, 1);
}

static void *work(void *argument) {
  const worker *self = argument;
  rapt_pool *pool = self->pool;
  while (!atomic_load(&pool->stopping)) {
    unsigned seen = atomic_load(&pool->offers);
    if (!help(pool, self->index)) idle(pool, seen);
  }
  return NULL;
}

static void start_workers(rapt_pool *pool, int pin) {
  rapt_affinity usable = rapt_affinity_read();
  pool->may_spin = rapt_logical_cpus("") >= pool->threads;
  // Workers block all signals: those belong to the application's threads, and a JVM's handlers must not run here.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (pool->started < pool->threads - 1) {
    worker *w = &pool->workers[pool->started];
    *w = (worker){.pool = pool, .index = pool->started + 1};
    if (pthread_create(&w->thread, NULL, work, w) != 0) break;
    pool->started++;
    if (pin) rapt_affinity_bind(&usable, w->thread, w->index);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  rapt_affinity_free(&usable);
}

rapt_pool *rapt_pool_create(int32_t threads, int pin) {
  void *memory;
  size_t size = sizeof(rapt_pool) + (size_t)threads * sizeof(station);
  if (posix_memalign(&memory, CACHE_LINE, size) != 0) return NULL;
  rapt_pool *pool = memset(memory, 0, size);
  pool->threads = threads;
  pool->workers = calloc((size_t)threads, sizeof *pool->workers);
  if (pool->workers != NULL) start_workers(pool, pin);
  if (pool->started < threads - 1) {
    rapt_pool_destroy(pool);
    return NULL;
  }
  return pool;
}

void rapt_pool_destroy(rapt_pool *pool) {
  if (pool == NULL) return;
  atomic_store(&pool->stopping, 1);
  atomic_fetch_add(&pool->offers, 1);
  futex_wake(&pool->offers, INT_MAX);
  for (int32_t i = 0; i < pool->started; i++) pthread_join(pool->workers[i].thread, NULL);
  free(pool->workers);
  free(pool);
}

unsigned rapt_thread_number(void) {
  static atomic_uint last;
  static _Thread_local unsigned number;
  if (number == 0) number = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
  return number;
}

static station *take_station(rapt_pool *pool) {
  unsigned start = rapt_thread_number();
  for (int32_t i = 0; i < pool->threads; i++) {
    station *s = &pool->stations[(start + (unsigned)i) % (unsigned)pool->threads];
    unsigned none = 0;
    if (atomic_load_explicit(&s->state, memory_order_relaxed) == 0 &&
        atomic_compare_exchange_strong(&s->state, &none, TAKEN)) {
      return s;
    }
  }
  return NULL;
}

// Wakes up to `wanted` sleeping workers, less those that spin and will find the job themselves. A call that is too
// small for that (worth_it 0) wakes some only where it closely follows another call: more will come then and find them
// awake.
static void wake(rapt_pool *pool, int64_t wanted, int worth_it) {
  int room = pool->threads - atomic_load(&pool->busy), asleep = atomic_load(&pool->asleep);
  if (wanted > room) wanted = room;
  wanted -= atomic_load(&pool->watching);
  if (wanted > asleep) wanted = asleep;
  if (wanted <= 0) return;
  if (!worth_it) {
    int64_t last = atomic_load_explicit(&pool->last_end, memory_order_relaxed);
    if (nanoseconds() - last > SPIN_NANOSECONDS) return;
  }
  futex_wake(&pool->offers, (int)wanted);
}

// Ends a call's offer and waits for the workers inside.
static void close_station(rapt_pool *pool, station *s) {
  unsigned state = atomic_fetch_and(&s->state, ~SEAT_MASK) & ~SEAT_MASK;
  if (pool->may_spin && atomic_load(&pool->busy) <= pool->threads) {
    for (spin w = {0}; (state & ACTIVE_MASK) != 0 && keep_spinning(&w);) state = atomic_load(&s->state);
  }
  if ((state & ACTIVE_MASK) != 0) {
    state = atomic_fetch_or(&s->state, WAITING) | WAITING;
    while ((state & ACTIVE_MASK) != 0) {
      futex_wait(&s->state, state);
      state = atomic_load(&s->state);
    }
  }
  atomic_store(&s->state, 0);
}

rapt_share rapt_share_work(const rapt_pool *pool, int64_t tasks, double work, int32_t lanes) {
  work *= (double)WORK_LANES / lanes;
  if (work < SHARED_WORK) return (rapt_share){.slots = 1};
  return (rapt_share){.slots = tasks < pool->threads ? (int32_t)tasks : pool->threads, .wakes = work >= WAKING_WORK};
}

void rapt_parallel(rapt_pool *pool, int64_t tasks, rapt_share share, rapt_task run, void *argument) {
  if (share.slots <= 1 || tasks <= 1 || pool->started == 0) {
    for (int64_t task = 0; task < tasks; task++) run(argument, task, 0);
    return;
  }
  atomic_fetch_add(&pool->busy, 1);
  station *s = take_station(pool);
  if (s == NULL) {
    for (int64_t task = 0; task < tasks; task++) run(argument, task, 0);
  } else {
    int64_t seats = tasks - 1 < share.slots - 1 ? tasks - 1 : share.slots - 1;
    s->run = run;
    s->argument = argument;
    atomic_store_explicit(&s->tasks, tasks, memory_order_relaxed);
    atomic_store_explicit(&s->next_task, 0, memory_order_relaxed);
    atomic_store(&s->state, TAKEN | (unsigned)seats * SEAT_ONE);
    atomic_fetch_add(&pool->offers, 1);
    wake(pool, seats, share.wakes);
    run_tasks(s, run, argument, tasks, 0);
    close_station(pool, s);
    atomic_store_explicit(&pool->last_end, nanoseconds(), memory_order_relaxed);
  }
  // Another job may have found all threads busy, and this thread makes room for a worker to help it.
  int others = atomic_fetch_sub(&pool->busy, 1) - 1;
  if (others > 0 && others < pool->threads && atomic_load(&pool->asleep) > 0 && find_work(pool, 0) != NULL) {
    atomic_fetch_add(&pool->offers, 1);
    wake(pool, 1, 1);
  }
}
