// SPDX-License-Identifier: Apache-2.0
// The model of the machine that the geometry of calls follows: its data caches. It chooses in which order and how often
// memory is read, and never in which order numbers are summed, so that results have the same bits on every machine of a
// tier.
#ifndef RAPT_CPU_ENGINE_MACHINE_H
#define RAPT_CPU_ENGINE_MACHINE_H

#include <stdint.h>

// Bytes; none is 0.
typedef struct rapt_machine {
  // A core's own first-level data cache.
  int64_t l1;
  // What one core may count on where several cores share the second level.
  int64_t l2;
  // One last-level cache as a whole; as large as l2 where there is no third level.
  int64_t l3;
} rapt_machine;

// Registers EAX, EBX and ECX of one subleaf of CPUID's cache leaf (4 on Intel, 0x8000001D on AMD).
typedef struct rapt_cache_leaf {
  uint32_t eax;
  uint32_t ebx;
  uint32_t ecx;
} rapt_cache_leaf;

// Registers of CPUID's leaves 0x80000005 and 0x80000006 that hold sizes of data caches.
typedef struct rapt_cache_sizes {
  uint32_t l1_ecx;
  uint32_t l2_ecx;
  uint32_t l3_edx;
} rapt_cache_sizes;

// The model that CPUID describes; fields of levels that it does not describe are 0.
rapt_machine rapt_machine_of_leaves(const rapt_cache_leaf *leaves, int count);

// The model that sysfs under `root` (the file system's root in a test, else "") describes, with 0 alike.
rapt_machine rapt_machine_of_sysfs(const char *root);

// The model of these sizes, which say nothing of who shares a cache; with 0 alike.
rapt_machine rapt_machine_of_sizes(const rapt_cache_sizes *sizes);

// `first`, with what it lacks from `second`.
rapt_machine rapt_machine_complete(rapt_machine first, rapt_machine second);

// `machine`, with what it lacks as small as any CPU of today has it.
rapt_machine rapt_machine_at_least(rapt_machine machine);

// This machine; read once per process. Thread-safe.
rapt_machine rapt_machine_here(void);

// How many lines L1 can hold whose addresses are the same modulo RAPT_WAY_BYTES: they share a set.
#define RAPT_WAY_BYTES 4096
int64_t rapt_machine_l1_ways(const rapt_machine *machine);

// Bytes of query and output panels that one task of attention works on.
int64_t rapt_machine_task_bytes(const rapt_machine *machine);

// Bytes of packed weights that a projection multiplies all rows of a task by before it goes on.
int64_t rapt_machine_weight_bytes(const rapt_machine *machine);

// Bytes of K and V from which on decode reads them in the way that is faster from memory.
int64_t rapt_machine_reading_bytes(const rapt_machine *machine);

// Bytes that push what was touched before them out of a core's caches, and out of an L3 that is small; of a large one,
// which is shared, others hold most anyway.
int64_t rapt_machine_evicting_bytes(const rapt_machine *machine);

// Bytes of inputs and output from which on a call prefetches what its next steps read.
int64_t rapt_machine_prefetch_bytes(const rapt_machine *machine);

#endif
