// SPDX-License-Identifier: Apache-2.0
#include "core/threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

// One rapt_parallel call, on its caller's stack. The pool's mutex guards everything but next_task.
typedef struct job {
  rapt_task run;
  void *argument;
  int64_t tasks;
  int32_t slots;
  // Slots handed out, the caller's 0 among them.
  int32_t joined;
  // Workers inside.
  int32_t active;
  atomic_int_least64_t next_task;
  pthread_cond_t left;
  struct job *next;
} job;

struct rapt_pool {
  pthread_mutex_t mutex;
  pthread_cond_t work;
  job *jobs;
  int stopping;
  int32_t workers;
  pthread_t threads[];
};

static void run_tasks(job *j, int32_t slot) {
  for (;;) {
    int64_t task = atomic_fetch_add_explicit(&j->next_task, 1, memory_order_relaxed);
    if (task >= j->tasks) return;
    j->run(j->argument, task, slot);
  }
}

static job *joinable(rapt_pool *pool) {
  for (job *j = pool->jobs; j != NULL; j = j->next) {
    if (j->joined < j->slots && atomic_load_explicit(&j->next_task, memory_order_relaxed) < j->tasks) return j;
  }
  return NULL;
}

static void *work(void *argument) {
  rapt_pool *pool = argument;
  pthread_mutex_lock(&pool->mutex);
  for (;;) {
    job *j = joinable(pool);
    if (j != NULL) {
      int32_t slot = j->joined++;
      j->active++;
      pthread_mutex_unlock(&pool->mutex);
      run_tasks(j, slot);
      pthread_mutex_lock(&pool->mutex);
      if (--j->active == 0) pthread_cond_signal(&j->left);
    } else if (pool->stopping) {
      break;
    } else {
      pthread_cond_wait(&pool->work, &pool->mutex);
    }
  }
  pthread_mutex_unlock(&pool->mutex);
  return NULL;
}

rapt_pool *rapt_pool_create(int32_t threads) {
  rapt_pool *pool = calloc(1, sizeof *pool + (size_t)threads * sizeof(pthread_t));
  if (pool == NULL) return NULL;
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->work, NULL);
  // Signals belong to the application's threads; a JVM, for one, must not have its handlers run on ours.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (pool->workers < threads - 1) {
    if (pthread_create(&pool->threads[pool->workers], NULL, work, pool) != 0) break;
    pool->workers++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (pool->workers < threads - 1) {
    rapt_pool_destroy(pool);
    return NULL;
  }
  return pool;
}

void rapt_pool_destroy(rapt_pool *pool) {
  if (pool == NULL) return;
  pthread_mutex_lock(&pool->mutex);
  pool->stopping = 1;
  pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->mutex);
  for (int32_t i = 0; i < pool->workers; i++) pthread_join(pool->threads[i], NULL);
  pthread_cond_destroy(&pool->work);
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}

void rapt_parallel(rapt_pool *pool, int64_t tasks, int32_t slots, rapt_task run, void *argument) {
  if (slots <= 1 || tasks <= 1 || pool->workers == 0) {
    for (int64_t task = 0; task < tasks; task++) run(argument, task, 0);
    return;
  }
  job j = {.run = run, .argument = argument, .tasks = tasks, .slots = slots, .joined = 1};
  atomic_init(&j.next_task, 0);
  pthread_cond_init(&j.left, NULL);

  pthread_mutex_lock(&pool->mutex);
  // At the end: earlier callers are helped first.
  job **last = &pool->jobs;
  while (*last != NULL) last = &(*last)->next;
  *last = &j;
  int64_t wanted = tasks - 1 < slots - 1 ? tasks - 1 : slots - 1;
  if (wanted >= pool->workers) {
    pthread_cond_broadcast(&pool->work);
  } else {
    while (wanted-- > 0) pthread_cond_signal(&pool->work);
  }
  pthread_mutex_unlock(&pool->mutex);

  run_tasks(&j, 0);

  pthread_mutex_lock(&pool->mutex);
  job **link = &pool->jobs;
  while (*link != &j) link = &(*link)->next;
  *link = j.next;
  while (j.active > 0) pthread_cond_wait(&j.left, &pool->mutex);
  pthread_mutex_unlock(&pool->mutex);
  pthread_cond_destroy(&j.left);
}
