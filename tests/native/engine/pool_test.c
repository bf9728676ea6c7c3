/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of workers from inside: who works on what, who is woken, who sleeps. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

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

/* Waits until *flag; 0 when it takes too long. */
static int await(atomic_int *flag) {
  for (double begin = seconds(CLOCK_MONOTONIC); !atomic_load(flag);) {
    if (seconds(CLOCK_MONOTONIC) - begin > PATIENCE_SECONDS) {
      return 0;
    }
    sched_yield();
  }
  return 1;
}

static rapt_pool *pool_of(int32_t threads, int pin) {
  rapt_pool *pool = rapt_pool_create(threads, pin);
  if (!pool) {
    check_abort("the test cannot have a pool of %d threads", threads);
  }
  return pool;
}

/* Counts how often each task runs, and that a slot has one thread at a time. */
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
  if (task % 5 == 0) {
    sched_yield();
  }
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
    if (pthread_create(&threads[i], NULL, call_many_times, pool)) {
      check_abort("the test cannot start thread %d", i);
    }
  }
  for (int i = 0; i < CALLERS; i++) {
    pthread_join(threads[i], NULL);
  }
  rapt_pool_destroy(pool);
}

static void test_share(void) {
  rapt_pool *pool = pool_of(8, 0);
  rapt_share tiny = rapt_share_work(pool, 100, 1e3, 16), large = rapt_share_work(pool, 100, 1e9, 16);
  CHECK(tiny.slots == 1, "tiny work has %d slots", tiny.slots);
  CHECK(large.slots == 8 && large.wakes, "large work has %d slots, wakes %d", large.slots, large.wakes);
  CHECK(rapt_share_work(pool, 3, 1e9, 16).slots == 3, "more slots than tasks");
  /* Narrow vectors take longer over the same work. */
  rapt_share wide = rapt_share_work(pool, 100, 2e6, 16), narrow = rapt_share_work(pool, 100, 2e6, 4);
  CHECK(wide.slots == 8 && !wide.wakes && narrow.wakes, "2e6: wide wakes %d, narrow %d", wide.wakes, narrow.wakes);
  rapt_pool_destroy(pool);
}

/* Two calls in a pool of three threads. The first has two of them, which stay inside until they are released. */
typedef struct held_call {
  rapt_pool *pool;
  /* Set once a worker is inside too. */
  atomic_int helped;
  atomic_int release;
} held_call;

static void hold(void *argument, int64_t task, int32_t slot) {
  (void)task;
  held_call *call = argument;
  if (slot > 0) {
    atomic_store(&call->helped, 1);
  }
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
    held_call first = {.pool = pool};
    second_call second = {.first = &first};
    pthread_t thread;
    if (pthread_create(&thread, NULL, make_held_call, &first)) {
      check_abort("the test cannot start a thread");
    }
    CHECK(await(&first.helped), "the first call gets no help");
    rapt_parallel(pool, ALONE_TASKS + 2, (rapt_share){.slots = 2, .wakes = 1}, work_alone_then_helped, &second);
    pthread_join(thread, NULL);
    rapt_pool_destroy(pool);
  }
}

/* Remembers whether a worker had a task. */
static void note_help(void *argument, int64_t task, int32_t slot) {
  (void)task;
  atomic_int *helped = argument;
  take_a_while();
  if (slot > 0) {
    atomic_store(helped, 1);
  }
}

static void test_small_calls_wake_nobody_unless_they_follow_each_other(void) {
  rapt_pool *pool = pool_of(2, 0);
  const rapt_share small = {.slots = 2, .wakes = 0};
  int helped_calls = 0;
  enum { CALLS = 20 };
  for (int i = 0; i < CALLS; i++) {
    /* Far longer than a worker watches. */
    sleep_milliseconds(10);
    atomic_int helped = 0;
    rapt_parallel(pool, 50, small, note_help, &helped);
    helped_calls += atomic_load(&helped);
  }
  CHECK(helped_calls <= CALLS / 2, "%d of %d rare small calls had help", helped_calls, CALLS);
  atomic_int helped = 0;
  for (double begin = seconds(CLOCK_MONOTONIC);
       !atomic_load(&helped) && seconds(CLOCK_MONOTONIC) - begin < PATIENCE_SECONDS;) {
    rapt_parallel(pool, 50, small, note_help, &helped);
  }
  CHECK(atomic_load(&helped), "a stream of small calls gets no help");
  rapt_pool_destroy(pool);
}

/* A worker that stays long after the caller has nothing left to do. */
static void sleep_as_worker(void *argument, int64_t task, int32_t slot) {
  (void)task;
  atomic_int *left = argument;
  if (slot == 0) {
    CHECK(await(left), "no worker comes");
    return;
  }
  atomic_store(left, 1);
  sleep_milliseconds(200);
  atomic_store(left, 2);
}

static void test_waiting_costs_no_cpu(void) {
  /* Two threads: where there are two CPUs, workers and callers watch for a while before they sleep. */
  rapt_pool *pool = pool_of(2, 0);
  atomic_int left = 0;
  double before = seconds(CLOCK_THREAD_CPUTIME_ID);
  rapt_parallel(pool, 2, (rapt_share){.slots = 2, .wakes = 1}, sleep_as_worker, &left);
  double cost = seconds(CLOCK_THREAD_CPUTIME_ID) - before;
  CHECK(atomic_load(&left) == 2, "the call returned before its worker was done");
  CHECK(cost < 0.1, "the caller used %.0f ms of CPU while it waited 200", 1e3 * cost);
  sleep_milliseconds(20);
  before = seconds(CLOCK_PROCESS_CPUTIME_ID);
  sleep_milliseconds(300);
  cost = seconds(CLOCK_PROCESS_CPUTIME_ID) - before;
  CHECK(cost < 0.01, "an idle pool used %.1f ms of CPU in 300", 1e3 * cost);
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
  if (sched_getaffinity(0, sizeof before, &before)) {
    check_abort("the test cannot read its CPUs");
  }
  for (int pin = 0; pin < 2; pin++) {
    rapt_pool *pool = pool_of(2, pin);
    where w = {0};
    /* A worker is bound just after it starts. */
    sleep_milliseconds(50);
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
