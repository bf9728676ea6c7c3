// SPDX-License-Identifier: Apache-2.0
// A pool of workers. Tasks are handed out one at a time, in order, so the longest should come first. The calling thread
// works too. Callers share the workers; where as many threads as the pool counts are busy, a caller works alone.
//
// Why not a library: an OpenMP runtime gives every calling thread a team of its own (16 callers on 16 cores are 256
// threads), spins or sleeps by environment variables of the whole process, and must be found at run time; a thread-pool
// library means C++. A call here needs little: an atomic counter for the tasks, a place where workers find its job
// without a lock, and a futex to sleep on. After a job workers spin for a moment, because the steps of a layer follow
// each other at once, and then sleep, so that an idle pool takes no CPU time.
#ifndef RAPT_CPU_ENGINE_THREADS_H
#define RAPT_CPU_ENGINE_THREADS_H

#include <stdint.h>

typedef struct rapt_pool rapt_pool;

// slot is unique among the threads inside one rapt_parallel call, and below its `slots`.
typedef void (*rapt_task)(void *argument, int64_t task, int32_t slot);

// `threads` counts the caller, so that there are threads - 1 workers, from 1 on. With `pin` worker i stays on CPU i,
// modulo their number, of those that the calling thread may use; CPU 0 of these is left to callers. NULL where memory
// or threads ran out.
rapt_pool *rapt_pool_create(int32_t threads, int pin);
// No rapt_parallel may be under way.
void rapt_pool_destroy(rapt_pool *pool);

// A small number that no other thread of the process has, until four billion threads have asked.
unsigned rapt_thread_number(void);

// How many threads may work on a call, and whether it is worth waking sleeping workers for.
typedef struct rapt_share {
  int32_t slots;
  int32_t wakes;
} rapt_share;

// The share of a call with `tasks` tasks and `work` multiply-adds in all, by kernels with `lanes` floats per vector.
rapt_share rapt_share_work(const rapt_pool *pool, int64_t tasks, double work, int32_t lanes);

// Runs every task once, on at most share.slots threads, and returns when all have finished. Thread-safe.
void rapt_parallel(rapt_pool *pool, int64_t tasks, rapt_share share, rapt_task run, void *argument);

#endif
