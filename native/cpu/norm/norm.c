// SPDX-License-Identifier: Apache-2.0
// Layer normalisation on the CPU: plan and run. A row is one call of the kernel, in f32; what is stored otherwise
// passes through a thread's scratch.
#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/arithmetic.h"
#include "base/error.h"
#include "cpu/engine/engine.h"
#include "cpu/engine/rows.h"

extern const rapt_device_operation rapt_cpu_norm_operation;

// Rows per task at most; a task converts weight and bias once.
#define BLOCK_ROWS 32
// The cost of an element, in multiply-adds of a matrix product: it passes through L1 three times.
#define ELEMENT_WORK 12

typedef struct rapt_cpu_norm {
  // batch * rows; below 2^63, since the output's elements all have an address of their own.
  int64_t rows;
  int64_t block;
  int64_t tasks;
  rapt_share share;
  int64_t slot_scratch;
} rapt_cpu_norm;

_Static_assert(sizeof(rapt_cpu_norm) <= RAPT_PLAN_ROOM, "a call's room");

typedef struct norm_job {
  const rapt_kernels *kernels;
  const rapt_norm *call;
  const rapt_cpu_norm *plan;
  unsigned char *slots;
} norm_job;

// A thread's scratch: floats of what cannot be used in place. NULL = it can.
typedef struct norm_slot {
  float *row;
  float *residual;
  float *weight;
  float *bias;
} norm_slot;

static int is_in_place(const rapt_tensor *t, int32_t last) {
  return !rapt_is_present(t) || rapt_is_plain(t->dtype, t->stride[last]);
}

static void lay_slot(rapt_arena *arena, const rapt_norm *c, norm_slot *slot) {
  int direct = is_in_place(&c->input, 2) && is_in_place(&c->output, 2);
  slot->row = direct ? NULL : rapt_arena_take(arena, c->features, sizeof(float));
  slot->residual = is_in_place(&c->residual, 2) ? NULL : rapt_arena_take(arena, c->features, sizeof(float));
  slot->weight = is_in_place(&c->weight, 0) ? NULL : rapt_arena_take(arena, c->features, sizeof(float));
  slot->bias = is_in_place(&c->bias, 0) ? NULL : rapt_arena_take(arena, c->features, sizeof(float));
}

static rapt_status plan(const rapt_context *context, void *problem, void *memory, rapt_needs *needs,
                        rapt_error *error) {
  (void)error;
  const rapt_cpu_context *cpu = (const rapt_cpu_context *)context;
  const rapt_norm *c = problem;
  rapt_cpu_norm *p = memory;
  p->rows = c->batch * c->rows;
  p->share =
      rapt_share_work(cpu->pool, p->rows, (double)p->rows * (double)c->features * ELEMENT_WORK, cpu->kernels.lanes);
  // Four tasks per thread keep the threads evenly busy.
  p->block = rapt_clamp(rapt_ceil_div(p->rows, 4 * (int64_t)p->share.slots), 1, BLOCK_ROWS);
  p->tasks = rapt_ceil_div(p->rows, p->block);
  p->share.slots = (int32_t)rapt_min(p->share.slots, p->tasks);
  rapt_arena slot = {0};
  norm_slot unused;
  lay_slot(&slot, c, &unused);
  p->slot_scratch = slot.used;
  needs->scratch = p->slot_scratch * p->share.slots;
  needs->threads = p->share.slots;
  return RAPT_OK;
}

static void name(const rapt_context *context, const void *problem, const void *memory, char *out, size_t size) {
  (void)memory;
  const rapt_norm *c = problem;
  snprintf(out, size, "norm_%s_%s_f%" PRId64, rapt_storage_name(c->input.dtype, c->output.dtype),
           rapt_isa_name(context->isa), c->features);
}

static const float *read_row(const norm_job *job, const rapt_tensor *t, int64_t b, int64_t r, float *staging) {
  if (!rapt_is_present(t)) return NULL;
  return rapt_read_row(job->kernels, t->dtype, rapt_row(t, b, r, 0), t->stride[2], job->call->features, staging);
}

static const float *read_features(const norm_job *job, const rapt_tensor *t, float *staging) {
  if (!rapt_is_present(t)) return NULL;
  return rapt_read_row(job->kernels, t->dtype, t->data, t->stride[0], job->call->features, staging);
}

static void run_task(void *argument, int64_t task, int32_t slot_number) {
  const norm_job *job = argument;
  const rapt_norm *c = job->call;
  rapt_arena arena = {.base = job->slots + slot_number * job->plan->slot_scratch};
  norm_slot slot;
  lay_slot(&arena, c, &slot);
  const float *weight = read_features(job, &c->weight, slot.weight), *bias = read_features(job, &c->bias, slot.bias);
  int64_t first = task * job->plan->block, last = rapt_min(first + job->plan->block, job->plan->rows);
  int direct = is_in_place(&c->output, 2);
  for (int64_t row = first; row < last; row++) {
    int64_t b = row / c->rows, r = row % c->rows;
    const float *from = read_row(job, &c->input, b, r, slot.row);
    const float *residual = read_row(job, &c->residual, b, r, slot.residual);
    void *out = rapt_row(&c->output, b, r, 0);
    job->kernels->norm(c->features, from, residual, weight, bias, c->epsilon, direct ? out : slot.row);
    if (!direct) rapt_write_row(job->kernels, slot.row, c->features, c->output.dtype, out, c->output.stride[2]);
  }
}

static rapt_status run(rapt_context *context, void *problem, const void *memory, void *scratch, rapt_stream *stream,
                       rapt_error *error) {
  (void)stream, (void)error;
  rapt_cpu_context *cpu = (rapt_cpu_context *)context;
  const rapt_cpu_norm *p = memory;
  norm_job job = {.kernels = &cpu->kernels, .call = problem, .plan = p, .slots = scratch};
  rapt_parallel(cpu->pool, p->tasks, p->share, run_task, &job);
  return RAPT_OK;
}

const rapt_device_operation rapt_cpu_norm_operation = {.plan = plan, .name = name, .run = run};
