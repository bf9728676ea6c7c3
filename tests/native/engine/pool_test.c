// SPDX-License-Identifier: Apache-2.0
// The pool of workers from inside: who works on what, who is woken, who sleeps.
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cpu/engine/threads.h"
#include "support/check.h"

enum { MOST_TASKS = 1000, MOST_SLOTS = 32, CALLERS = 16, PATIENCE_SECONDS = 20 };

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void sleep_milliseconds(long milliseconds) {
  nanosleep(&(struct timespec){.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000}, NULL);
}

// Waits until *flag; 0 when it takes too long.
static int await(atomic_int *flag) {
  for (double begin = seconds(CLOCK_MONOTONIC); !atomic_load(flag);) {
    if (seconds(CLOCK_MONOTONIC) - begin > PATIENCE_SECONDS) return 0;
    sched_yield();
  }
  return 1;
}

// Whether a thread of this process sleeps, as the kernel sees it: not merely waits for a CPU.
static int sleeps(pid_t thread) {
  char path[64], line[256] = "", state = 0;
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
  FILE *file = fopen(path, "r");
  if (file == NULL || fgets(line, sizeof line, file) == NULL) check_abort("the test cannot read %s", path);
  fclose(file);
  // The name, which comes first, is in parentheses.
  const char *name_end = strrchr(line, ')');
  CHECK(name_end != NULL && sscanf(name_end, ") %c", &state) == 1, "%s holds '%s'", path, line);
  return state == 'S';
}

// Waits until the thread sleeps; 0 when it takes too long.
static int await_sleep(pid_t thread) {
  for (double begin = seconds(CLOCK_MONOTONIC); !sleeps(thread);) {
    if (seconds(CLOCK_MONOTONIC) - begin > PATIENCE_SECONDS) return 0;
    sleep_milliseconds(1);
  }
  return 1;
}

static pid_t this_thread(void) { return (pid_t)syscall(SYS_gettid); }

static double cpu_seconds(pthread_t thread) {
  clockid_t clock;
  if (pthread_getcpuclockid(thread, &clock)) check_abort("the test cannot read the clock of a thread");
  return seconds(clock);
}

static rapt_pool *pool_of(int32_t threads, int pin) {
  rapt_pool *pool = rapt_pool_create(threads, pin);
  if (pool == NULL) check_abort("the test cannot have a pool of %d threads", threads);
  return pool;
}

// Counts how often each task runs, and that a slot has one thread at a time.
typedef struct tally {
  atomic_int runs[MOST_TASKS];
  atomic_int inside[MOST_SLOTS];
  int32_t slots;
} tally;

static void count_task(void *argument, int64_t task, int32_t slot) {
  tally *t = argument;
  CHECK(slot >= 0 && slot < t->slots, "slot %d of %d", slot, t->slots);
  CHECK(atomic_fetch_add(&t->inside[slot], 1) == 0, "two threads on slot %d", slot);
  atomic_fetch_add(&t->runs[task], 1);
  if (task % 5 == 0) sched_yield();
  atomic_fetch_sub(&t->inside[slot], 1);
}

static void check_every_task_runs_once(rapt_pool *pool, int32_t threads, int64_t tasks, int32_t slots, int wakes) {
  tally t;
  memset(&t, 0, sizeof t);
  t.slots = slots < threads ? slots : threads;
  rapt_parallel(pool, tasks, (rapt_share){.slots = t.slots, .wakes = wakes}, count_task, &t);
  for (int64_t i = 0; i < tasks; i++) {
    CHECK(atomic_load(&t.runs[i]) == 1, "%d threads, task %d of %d ran %d times", threads, (int)i, (int)tasks,
          atomic_load(&t.runs[i]));
  }
}

static void test_every_task_runs_once(void) {
  static const int32_t counts[] = {1, 2, 3, 8, MOST_SLOTS};
  static const int64_t tasks[] = {0, 1, 2, 7, MOST_TASKS};
  for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
    rapt_pool *pool = pool_of(counts[c], 0);
    for (int repeat = 0; repeat < 8; repeat++) {
      for (size_t t = 0; t < sizeof tasks / sizeof tasks[0]; t++) {
        check_every_task_runs_once(pool, counts[c], tasks[t], MOST_SLOTS, repeat % 2);
        check_every_task_runs_once(pool, counts[c], tasks[t], 2, repeat % 2);
      }
    }
    rapt_pool_destroy(pool);
  }
}

static void *call_many_times(void *argument) {
  rapt_pool *pool = argument;
  for (int repeat = 0; repeat < (TEST_REDUCED ? 50 : 300); repeat++) {
    check_every_task_runs_once(pool, 3, 1 + repeat % 40, 1 + repeat % 4, repeat % 3 == 0);
  }
  return NULL;
}

static void test_callers(void) {
  rapt_pool *pool = pool_of(3, 0);
  pthread_t threads[CALLERS];
  for (int i = 0; i < CALLERS; i++) {
    if (pthread_create(&threads[i], NULL, call_many_times, pool)) check_abort("the test cannot start thread %d", i);
  }
  for (int i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
  rapt_pool_destroy(pool);
}

static void test_share(void) {
  rapt_pool *pool = pool_of(8, 0);
  rapt_share tiny = rapt_share_work(pool, 100, 1e3, 16), large = rapt_share_work(pool, 100, 1e9, 16);
  CHECK(tiny.slots == 1, "tiny work has %d slots", tiny.slots);
  CHECK(large.slots == 8 && large.wakes, "large work has %d slots, wakes %d", large.slots, large.wakes);
  CHECK(rapt_share_work(pool, 3, 1e9, 16).slots == 3, "more slots than tasks");
  // Narrow vectors take longer over the same work.
  rapt_share wide = rapt_share_work(pool, 100, 2e6, 16), narrow = rapt_share_work(pool, 100, 2e6, 4);
  CHECK(wide.slots == 8 && !wide.wakes && narrow.wakes, "2e6: wide wakes %d, narrow %d", wide.wakes, narrow.wakes);
  rapt_pool_destroy(pool);
}

// The workers of a pool, who are all inside one call once.
typedef struct crew {
  int32_t threads;
  atomic_int inside;
  pid_t id[MOST_SLOTS];
  pthread_t thread[MOST_SLOTS];
} crew;

static void join_crew(void *argument, int64_t task, int32_t slot) {
  (void)task;
  crew *c = argument;
  c->id[slot] = this_thread();
  c->thread[slot] = pthread_self();
  atomic_fetch_add(&c->inside, 1);
  double begin = seconds(CLOCK_MONOTONIC);
  while (atomic_load(&c->inside) < c->threads && seconds(CLOCK_MONOTONIC) - begin < PATIENCE_SECONDS) sched_yield();
}

// Finds out who works in a pool, and waits until all of them sleep. From then on they do so until somebody wakes them:
// nobody is still starting, watching or looking for work.
static void meet(rapt_pool *pool, int32_t threads, crew *c) {
  *c = (crew){.threads = threads};
  rapt_parallel(pool, threads, (rapt_share){.slots = threads, .wakes = 1}, join_crew, c);
  CHECK(atomic_load(&c->inside) == threads, "%d of %d threads come", atomic_load(&c->inside), threads);
  for (int32_t slot = 1; slot < threads; slot++) CHECK(await_sleep(c->id[slot]), "an idle worker does not sleep");
}

// Two calls in a pool of three threads. The first has two of them, which stay inside until they are released.
typedef struct held_call {
  rapt_pool *pool;
  // Set once a worker is inside too.
  atomic_int helped;
  atomic_int release;
} held_call;

static void hold(void *argument, int64_t task, int32_t slot) {
  (void)task;
  held_call *call = argument;
  if (slot > 0) atomic_store(&call->helped, 1);
  CHECK(await(&call->release), "slot %d is not released", slot);
}

static void *make_held_call(void *argument) {
  held_call *call = argument;
  rapt_parallel(call->pool, 2, (rapt_share){.slots = 2, .wakes = 1}, hold, call);
  return NULL;
}

typedef struct second_call {
  held_call *first;
  atomic_int helped;
} second_call;

enum { ALONE_TASKS = 50 };

static void take_a_while(void) {
  for (double begin = seconds(CLOCK_MONOTONIC); seconds(CLOCK_MONOTONIC) - begin < 20e-6;) {
  }
}

static void work_alone_then_helped(void *argument, int64_t task, int32_t slot) {
  second_call *call = argument;
  take_a_while();
  if (slot > 0) {
    CHECK(atomic_load(&call->first->release), "a fourth thread works in a pool of three");
    atomic_store(&call->helped, 1);
  } else if (task == ALONE_TASKS) {
    atomic_store(&call->first->release, 1);
    CHECK(await(&call->helped), "nobody comes to help when there is room again");
  }
}

static void test_no_more_threads_than_the_pool_counts(void) {
  for (int repeat = 0; repeat < 5; repeat++) {
    rapt_pool *pool = pool_of(3, 0);
    // A worker that is just looking for work may take some of the second call's before that call is counted.
    crew workers;
    meet(pool, 3, &workers);
    held_call first = {.pool = pool};
    second_call second = {.first = &first};
    pthread_t thread;
    if (pthread_create(&thread, NULL, make_held_call, &first)) check_abort("the test cannot start a thread");
    CHECK(await(&first.helped), "the first call gets no help");
    rapt_parallel(pool, ALONE_TASKS + 2, (rapt_share){.slots = 2, .wakes = 1}, work_alone_then_helped, &second);
    pthread_join(thread, NULL);
    rapt_pool_destroy(pool);
  }
}

// Remembers whether a worker had a task.
static void note_help(void *argument, int64_t task, int32_t slot) {
  (void)task;
  atomic_int *helped = argument;
  take_a_while();
  if (slot > 0) atomic_store(helped, 1);
}

static void test_small_calls_wake_nobody_unless_they_follow_each_other(void) {
  rapt_pool *pool = pool_of(2, 0);
  crew workers;
  meet(pool, 2, &workers);
  const rapt_share small = {.slots = 2, .wakes = 0};
  for (int i = 0; i < 20; i++) {
    // Far longer than calls that follow each other are apart.
    sleep_milliseconds(10);
    atomic_int woken = 0;
    rapt_parallel(pool, 50, small, note_help, &woken);
    CHECK(!atomic_load(&woken), "a rare small call had help");
  }
  atomic_int helped = 0;
  for (double begin = seconds(CLOCK_MONOTONIC);
       !atomic_load(&helped) && seconds(CLOCK_MONOTONIC) - begin < PATIENCE_SECONDS;) {
    rapt_parallel(pool, 50, small, note_help, &helped);
  }
  CHECK(atomic_load(&helped), "a stream of small calls gets no help");
  rapt_pool_destroy(pool);
}

// A call whose worker stays until the caller, who has nothing left to do, has slept for a while.
typedef struct long_call {
  pid_t caller;
  pthread_t caller_thread;
  atomic_int helped;
  atomic_int left;
  double cost;
} long_call;

enum { WATCHED_MILLISECONDS = 100 };

static void outstay(void *argument, int64_t task, int32_t slot) {
  (void)task;
  long_call *call = argument;
  if (slot == 0) {
    CHECK(await(&call->helped), "no worker comes");
    return;
  }
  atomic_store(&call->helped, 1);
  CHECK(await_sleep(call->caller), "the caller does not sleep while it waits");
  double before = cpu_seconds(call->caller_thread);
  sleep_milliseconds(WATCHED_MILLISECONDS);
  call->cost = cpu_seconds(call->caller_thread) - before;
  atomic_store(&call->left, 1);
}

static void test_waiting_costs_no_cpu(void) {
  // Two threads: where there are two CPUs, workers and callers watch for a while before they sleep.
  rapt_pool *pool = pool_of(2, 0);
  long_call call = {.caller = this_thread(), .caller_thread = pthread_self()};
  rapt_parallel(pool, 2, (rapt_share){.slots = 2, .wakes = 1}, outstay, &call);
  CHECK(atomic_load(&call.left), "the call returned before its worker was done");
  CHECK(call.cost < 10e-3, "a caller that waits used %.1f ms of CPU in %d", 1e3 * call.cost, WATCHED_MILLISECONDS);
  crew workers;
  meet(pool, 2, &workers);
  double before = cpu_seconds(workers.thread[1]);
  sleep_milliseconds(WATCHED_MILLISECONDS);
  double cost = cpu_seconds(workers.thread[1]) - before;
  CHECK(cost < 10e-3, "an idle worker used %.1f ms of CPU in %d", 1e3 * cost, WATCHED_MILLISECONDS);
  rapt_pool_destroy(pool);
}

typedef struct where {
  atomic_int helped;
  int worker_cpus;
} where;

static void look_where(void *argument, int64_t task, int32_t slot) {
  (void)task;
  where *w = argument;
  if (slot == 0) {
    CHECK(await(&w->helped), "no worker comes");
    return;
  }
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  w->worker_cpus = CPU_COUNT(&set);
  atomic_store(&w->helped, 1);
}

static void test_affinity(void) {
  cpu_set_t before, after;
  if (sched_getaffinity(0, sizeof before, &before)) check_abort("the test cannot read its CPUs");
  for (int pin = 0; pin < 2; pin++) {
    rapt_pool *pool = pool_of(2, pin);
    where w = {0};
    rapt_parallel(pool, 2, (rapt_share){.slots = 2, .wakes = 1}, look_where, &w);
    int expected = pin ? 1 : CPU_COUNT(&before);
    CHECK(w.worker_cpus == expected, "pin %d: a worker may use %d CPUs, not %d", pin, w.worker_cpus, expected);
    sched_getaffinity(0, sizeof after, &after);
    CHECK(CPU_EQUAL(&before, &after), "pin %d: the caller's CPUs have changed", pin);
    rapt_pool_destroy(pool);
  }
}

int main(void) {
  check_start();
  test_every_task_runs_once();
  test_callers();
  test_share();
  test_no_more_threads_than_the_pool_counts();
  test_small_calls_wake_nobody_unless_they_follow_each_other();
  test_waiting_costs_no_cpu();
  test_affinity();
  return check_finish("pool_test");
}
