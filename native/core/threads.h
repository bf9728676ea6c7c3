// SPDX-License-Identifier: Apache-2.0
// A pool of workers. Tasks are handed out one at a time, in order, so put the longest first. The calling thread takes
// part; workers join whichever caller still has tasks left, so callers share the pool without oversubscribing it.
#ifndef RAPT_CORE_THREADS_H
#define RAPT_CORE_THREADS_H

#include <stdint.h>

typedef struct rapt_pool rapt_pool;

// slot is unique among the threads inside one rapt_parallel call, and below its `slots`.
typedef void (*rapt_task)(void *argument, int64_t task, int32_t slot);

// threads counts the caller; NULL where memory or threads ran out.
rapt_pool *rapt_pool_create(int32_t threads);
void rapt_pool_destroy(rapt_pool *pool);

// Runs every task once, on at most `slots` threads, and returns when all have finished. Thread-safe.
void rapt_parallel(rapt_pool *pool, int64_t tasks, int32_t slots, rapt_task run, void *argument);

#endif
