// SPDX-License-Identifier: Apache-2.0
// Scaled dot-product attention on the CPU: plan and run.
//
// Query rows. The group x query_len rows that read one kv head are numbered query-major (row = query * group + head
// within the group), so that neighbouring rows see nearly the same keys, and K and V are read once for all of them.
#ifndef RAPT_CPU_SDPA_SDPA_H
#define RAPT_CPU_SDPA_SDPA_H

#include "cpu/engine/engine.h"
#include "ops/sdpa/problem.h"
#include "rapt/rapt.h"

// A problem has at least one row of output: a call without any ends before a device sees it. RAPT_SDPA_MIXED is a batch
// whose samples have sizes of their own, and each its own path: samples.h.
typedef enum rapt_sdpa_path { RAPT_SDPA_PREFILL, RAPT_SDPA_DECODE, RAPT_SDPA_MIXED } rapt_sdpa_path;

// How a problem runs: a pure function of the problem, the tier and the number of threads. Key tiles and splits do not
// depend on the number of threads, and so neither do the result's bits.
typedef struct rapt_cpu_sdpa {
  rapt_sdpa_path path;
  // Keys per tile, keys per chunk (a multiple of key_tile), and the number of chunks. Tiles and chunks begin at
  // multiples of their size from key 0, whatever the first visible key and the layout of the keys. They decide on the
  // order of the sums, and so must not depend on anything that the result must not depend on.
  int64_t key_tile;
  int64_t chunk;
  int64_t splits;
  // Keys that a state of floats takes in before it is added to a total in double, a multiple of key_tile, counted from
  // the beginning of a chunk; 0 where all keys are too few for that.
  int64_t stretch;
  // Decode: keys per pass, whose scores are all computed before the first of their values is read, a multiple of
  // key_tile; and chunks per task.
  int64_t pass_keys;
  int64_t task_chunks;
  // Floats from one row of a pass's scores to the next.
  int64_t score_stride;
  // (batch, kv head) pairs.
  int64_t units;
  // Prefill: panels of query rows per unit, and how many of them one task takes.
  int64_t panels;
  int64_t task_panels;
  int64_t blocks;
  // Blocks that take longest go first. Whether these are the first blocks, as with a window that is open to the right
  // only, or the last ones, as under causality.
  int first_blocks_first;
  int64_t tasks;
  rapt_share share;
  // Decode: whether K and V come from memory, so that the way of reading them matters.
  int from_memory;
  // Whether tasks prefetch: whether the tensors are larger than a cache.
  int prefetch;
  // Bytes.
  int64_t slot_scratch;
  int64_t partial_scratch;
  int64_t scratch;
} rapt_cpu_sdpa;

_Static_assert(sizeof(rapt_cpu_sdpa) <= RAPT_PLAN_ROOM, "a call's room");

extern const rapt_device_operation rapt_cpu_sdpa_operation;

// Returns 0 where sizes overflow.
int rapt_cpu_plan_sdpa(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, rapt_cpu_sdpa *plan);
void rapt_cpu_name_sdpa(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *plan,
                        char *out, size_t size);

// memory holds plan->scratch bytes.
void rapt_cpu_execute_sdpa(rapt_cpu_context *context, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *plan,
                           void *memory);

#endif
