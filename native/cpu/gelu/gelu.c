// SPDX-License-Identifier: Apache-2.0
// GELU on the CPU: plan and run.
#include <stdio.h>

#include "base/arithmetic.h"
#include "cpu/engine/engine.h"
#include "cpu/engine/rows.h"

extern const rapt_device_operation rapt_cpu_gelu_operation;

// Features that are done at a time: 4 KiB of floats, which stay in L1 where rows have to be converted.
#define PIECE 1024
// Pieces per task at most: enough that taking a task costs nothing beside it.
#define BLOCK_PIECES 16
// The cost of an element, in multiply-adds of a matrix product: some 35 vector instructions, one of them a division.
#define ELEMENT_WORK 48

typedef struct rapt_cpu_gelu {
  // Pieces per row, and in all; below 2^63, since the output's elements all have an address of their own.
  int64_t per_row;
  int64_t pieces;
  int64_t block;
  int64_t tasks;
  rapt_share share;
} rapt_cpu_gelu;

_Static_assert(sizeof(rapt_cpu_gelu) <= RAPT_PLAN_ROOM, "a call's room");

typedef struct gelu_job {
  const rapt_kernels *kernels;
  const rapt_gelu *call;
  const rapt_cpu_gelu *plan;
} gelu_job;

static rapt_status plan(const rapt_context *context, void *problem, void *memory, rapt_needs *needs,
                        rapt_error *error) {
  (void)error;
  const rapt_cpu_context *cpu = (const rapt_cpu_context *)context;
  const rapt_gelu *c = problem;
  rapt_cpu_gelu *p = memory;
  p->per_row = rapt_ceil_div(c->features, PIECE);
  p->pieces = c->batch * c->rows * p->per_row;
  double elements = (double)c->batch * (double)c->rows * (double)c->features;
  p->share = rapt_share_work(cpu->pool, p->pieces, elements * ELEMENT_WORK, cpu->kernels.lanes);
  // Four tasks per thread keep the threads evenly busy.
  p->block = rapt_clamp(rapt_ceil_div(p->pieces, 4 * (int64_t)p->share.slots), 1, BLOCK_PIECES);
  p->tasks = rapt_ceil_div(p->pieces, p->block);
  p->share.slots = (int32_t)rapt_min(p->share.slots, p->tasks);
  needs->scratch = 0;
  needs->threads = p->share.slots;
  return RAPT_OK;
}

static void name(const rapt_context *context, const void *problem, const void *memory, char *out, size_t size) {
  (void)memory;
  const rapt_gelu *c = problem;
  snprintf(out, size, "gelu_%s_%s", rapt_storage_name(c->input.dtype, c->output.dtype), rapt_isa_name(context->isa));
}

static void do_piece(const gelu_job *job, int64_t piece) {
  const rapt_gelu *c = job->call;
  int64_t row = piece / job->plan->per_row, first = piece % job->plan->per_row * PIECE;
  int64_t b = row / c->rows, r = row % c->rows, count = rapt_min(PIECE, c->features - first);
  const void *in = rapt_offset(&c->input, b * c->input.stride[0] + r * c->input.stride[1] + first * c->input.stride[2]);
  void *out = rapt_offset(&c->output, b * c->output.stride[0] + r * c->output.stride[1] + first * c->output.stride[2]);
  float staging[PIECE];
  const float *from = rapt_read_row(job->kernels, c->input.dtype, in, c->input.stride[2], count, staging);
  int direct = rapt_is_plain(c->output.dtype, c->output.stride[2]);
  job->kernels->gelu(count, from, direct ? out : staging);
  if (!direct) rapt_write_row(job->kernels, staging, count, c->output.dtype, out, c->output.stride[2]);
}

static void run_task(void *argument, int64_t task, int32_t slot) {
  (void)slot;
  const gelu_job *job = argument;
  int64_t first = task * job->plan->block, last = rapt_min(first + job->plan->block, job->plan->pieces);
  for (int64_t piece = first; piece < last; piece++) do_piece(job, piece);
}

static rapt_status run(rapt_context *context, void *problem, const void *memory, void *scratch, rapt_stream *stream,
                       rapt_error *error) {
  (void)scratch, (void)stream, (void)error;
  rapt_cpu_context *cpu = (rapt_cpu_context *)context;
  const rapt_cpu_gelu *p = memory;
  gelu_job job = {.kernels = &cpu->kernels, .call = problem, .plan = p};
  rapt_parallel(cpu->pool, p->tasks, p->share, run_task, &job);
  return RAPT_OK;
}

const rapt_device_operation rapt_cpu_gelu_operation = {.plan = plan, .name = name, .run = run};
