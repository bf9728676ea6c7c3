// SPDX-License-Identifier: Apache-2.0
// A pool of workers. Tasks are handed out one at a time, in order, so put the longest first. The calling thread takes
// part; callers share the workers, and a caller that finds as many threads at work as the pool counts does its own work
// alone.
//
// Why our own: an OpenMP runtime gives every calling thread a team of its own (16 callers on 16 cores are 256 threads),
// spins or sleeps by environment variables of the whole process, and is one more library to find at run time; a
// thread-pool library means C++. What a call here needs is small: an atomic counter for the tasks, a place for a job
// that workers find without a lock, and a futex to sleep on. Workers look for the next job for a moment after each one,
// since the steps of a layer follow each other at once, and then sleep, so an idle pool costs no CPU time.
#ifndef RAPT_CPU_ENGINE_THREADS_H
#define RAPT_CPU_ENGINE_THREADS_H

#include <stdint.h>

typedef struct rapt_pool rapt_pool;

// slot is unique among the threads inside one rapt_parallel call, and below its `slots`.
typedef void (*rapt_task)(void *argument, int64_t task, int32_t slot);

// threads counts the caller. With `pin` worker i stays on the i-th CPU of those that the calling thread may use, from
// 0, which is left to callers; counted round where threads outnumber CPUs. NULL where memory or threads ran out.
rapt_pool *rapt_pool_create(int32_t threads, int pin);
// No rapt_parallel may be under way.
void rapt_pool_destroy(rapt_pool *pool);

// Of the calling thread: small, and another one for every thread of the process until four billion have come.
unsigned rapt_thread_number(void);

// How many threads a call may have, and whether it is worth waking sleeping workers for.
typedef struct rapt_share {
  int32_t slots;
  int32_t wakes;
} rapt_share;

// For `tasks` tasks of `work` multiply-adds together, by kernels of `lanes` floats per vector.
rapt_share rapt_share_work(const rapt_pool *pool, int64_t tasks, double work, int32_t lanes);

// Runs every task once, on at most share.slots threads, and returns when all have finished. Thread-safe.
void rapt_parallel(rapt_pool *pool, int64_t tasks, rapt_share share, rapt_task run, void *argument);

#endif
