// SPDX-License-Identifier: Apache-2.0
// The two paths as parallel runs of tasks: prefill for many query rows, decode for few.
#ifndef RAPT_CPU_SDPA_PATHS_H
#define RAPT_CPU_SDPA_PATHS_H

#include <stdatomic.h>

#include "cpu/sdpa/sdpa.h"
#include "cpu/sdpa/state.h"

// What tasks leave behind where the keys are split: a state per (unit, panel, split).
typedef struct rapt_sdpa_partials {
  // states.maximum is NULL where there is one split: its tasks write the results themselves.
  rapt_softmax states;
  // Decode: tasks of each unit that have not ended yet.
  atomic_int *tasks_left;
} rapt_sdpa_partials;

void rapt_sdpa_partials_lay(rapt_arena *arena, const rapt_cpu_context *context, const rapt_sdpa_problem *problem,
                            const rapt_cpu_sdpa *plan, rapt_sdpa_partials *partials);

// What the tasks of one call share.
typedef struct rapt_sdpa_job {
  rapt_cpu_context *context;
  const rapt_sdpa_problem *problem;
  const rapt_cpu_sdpa *plan;
  // The workers' scratch, one slot each.
  unsigned char *slots;
  rapt_sdpa_partials partials;
  // Decode.
  rapt_readings readings;
} rapt_sdpa_job;

// How decode reads. Not part of the plan: who only asks for one should not wait until the ways have been tried.
static inline rapt_readings rapt_sdpa_choose_readings(const rapt_cpu_context *context, int from_memory) {
  if (context->reading != RAPT_READINGS || from_memory) return rapt_cpu_readings(context);
  return (rapt_readings){RAPT_READING_PREFETCH, RAPT_READING_PREFETCH};
}

// The shape of a task's states.
rapt_softmax rapt_sdpa_prefill_shape(const rapt_cpu_context *context, const rapt_sdpa_problem *problem);
rapt_softmax rapt_sdpa_decode_shape(const rapt_sdpa_problem *problem);

// Count a worker's scratch.
void rapt_sdpa_prefill_scratch(rapt_arena *arena, const rapt_cpu_context *context, const rapt_sdpa_problem *problem,
                               const rapt_cpu_sdpa *plan);
void rapt_sdpa_decode_scratch(rapt_arena *arena, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *plan);

// Comes before the first decode task.
void rapt_sdpa_decode_begin(const rapt_sdpa_job *job);

// One task of a parallel run. The decode task of a unit that ends last writes the unit's results. Where prefill tasks
// leave partial results, a merge task for every panel of every unit follows, which merges and writes them.
void rapt_sdpa_prefill_task(void *job, int64_t task, int32_t slot);
void rapt_sdpa_prefill_merge_task(void *job, int64_t task, int32_t slot);
// The same for the panels of prefill task `index` alone, once the tasks of all its splits have ended.
void rapt_sdpa_prefill_merge_block(const rapt_sdpa_job *job, int64_t index, int32_t slot);
void rapt_sdpa_decode_task(void *job, int64_t task, int32_t slot);

#endif
