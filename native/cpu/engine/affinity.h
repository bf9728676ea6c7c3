// SPDX-License-Identifier: Apache-2.0
// Which CPUs a thread may use, however many the machine has.
#ifndef RAPT_CPU_ENGINE_AFFINITY_H
#define RAPT_CPU_ENGINE_AFFINITY_H

#include <pthread.h>
#include <sched.h>

typedef struct rapt_affinity {
  // NULL where it could not be read.
  cpu_set_t *set;
  // Bytes.
  size_t size;
  int count;
} rapt_affinity;

// The CPUs that the calling thread may use.
rapt_affinity rapt_affinity_read(void);
void rapt_affinity_free(rapt_affinity *affinity);

// Binds a thread to the CPU at `index` (modulo their number) of the usable ones. A thread that cannot be bound works
// unbound.
void rapt_affinity_bind(const rapt_affinity *affinity, pthread_t thread, int index);

#endif
