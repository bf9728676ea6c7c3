// SPDX-License-Identifier: Apache-2.0
// Rotary embedding on the CPU: plan and run.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arithmetic.h"
#include "cpu/engine/engine.h"
#include "cpu/rope/angles.h"
#include "cpu/rope/rope.h"
#include "cpu/rope/rotation.h"

// The most tokens per task, and the most pairs whose cosines and sines are widened at a time: 8 KiB of each stay in L1
// while all heads of these tokens are rotated.
#define BLOCK_TOKENS 16
#define BLOCK_PAIRS 2048
_Static_assert(BLOCK_PAIRS >= RAPT_MAX_HEAD_DIM / 2, "a block holds a token");
// The cost of an element, in multiply-adds of a matrix product: it is read, rotated and written once.
#define ELEMENT_WORK 8

typedef struct rapt_cpu_rope {
  // batch * length; below 2^63, since the output's elements all have an address of their own.
  int64_t tokens;
  int64_t block;
  int64_t tasks;
  rapt_share share;
} rapt_cpu_rope;
_Static_assert(sizeof(rapt_cpu_rope) <= RAPT_PLAN_ROOM, "a call's room");

typedef struct rope_job {
  const rapt_rope *call;
  int64_t block;
  rapt_rotation rotation;
  rapt_angles angles;
  // Bytes from one head to the next.
  int64_t input_step, output_step;
} rope_job;

// One token: its first head's rows, its angles.
typedef struct rope_token {
  const unsigned char *input;
  unsigned char *output;
  const float *cosine;
  const float *sine;
} rope_token;

// The one pure function behind plan and run.
static void choose(const rapt_cpu_context *context, const rapt_rope *c, rapt_cpu_rope *g) {
  *g = (rapt_cpu_rope){.tokens = c->batch * c->length};
  double elements = (double)g->tokens * (double)c->heads * (double)c->head_dim;
  g->share = rapt_share_work(context->pool, g->tokens, elements * ELEMENT_WORK, context->kernels.lanes);
  // Four tasks per thread keep the threads evenly busy.
  g->block = rapt_clamp(rapt_ceil_div(g->tokens, 4 * (int64_t)g->share.slots), 1,
                        rapt_min(BLOCK_TOKENS, BLOCK_PAIRS / (c->rotary_dim / 2)));
  g->tasks = rapt_ceil_div(g->tokens, g->block);
  g->share.slots = (int32_t)rapt_min(g->share.slots, g->tasks);
}

static void run_task(void *argument, int64_t task, int32_t slot) {
  (void)slot;
  const rope_job *job = argument;
  const rapt_rope *c = job->call;
  float cosines[BLOCK_PAIRS], sines[BLOCK_PAIRS];
  rope_token tokens[BLOCK_TOKENS];
  int64_t pairs = c->rotary_dim / 2, first = task * job->block;
  int64_t count = rapt_min(job->block, c->batch * c->length - first);
  for (int64_t i = 0; i < count; i++) {
    int64_t b = (first + i) / c->length, s = (first + i) % c->length;
    tokens[i] = (rope_token){.input = rapt_row(&c->input, b, 0, s),
                             .output = rapt_row(&c->output, b, 0, s),
                             .cosine = rapt_angles_read(&job->angles, &c->cosine, b, s, cosines + i * pairs),
                             .sine = rapt_angles_read(&job->angles, &c->sine, b, s, sines + i * pairs)};
  }
  // Go through heads and tokens in the order in which the output lies in memory.
  int by_head = llabs(c->output.stride[1]) > llabs(c->output.stride[2]);
  int64_t outer = by_head ? c->heads : count, inner = by_head ? count : c->heads;
  for (int64_t o = 0; o < outer; o++) {
    for (int64_t i = 0; i < inner; i++) {
      const rope_token *token = &tokens[by_head ? i : o];
      int64_t head = by_head ? o : i;
      rapt_rotate_row(&job->rotation, token->cosine, token->sine, token->input + head * job->input_step,
                      token->output + head * job->output_step);
    }
  }
}

static rapt_status prepare(rapt_context *context, const void *problem, rapt_error *error) {
  (void)context;
  const rapt_rope *c = problem;
  return rapt_angles_check(&c->positions, c->batch, c->length, c->table_length, error);
}

static rapt_status plan(const rapt_context *context, void *problem, void *memory, rapt_needs *needs,
                        rapt_error *error) {
  (void)error;
  rapt_cpu_rope *g = memory;
  choose((const rapt_cpu_context *)context, problem, g);
  needs->scratch = 0;
  needs->threads = g->share.slots;
  return RAPT_OK;
}

static void name(const rapt_context *context, const void *problem, const void *plan, char *out, size_t size) {
  (void)plan;
  const rapt_rope *c = problem;
  char rotary[32] = "";
  if (c->rotary_dim != c->head_dim) snprintf(rotary, sizeof rotary, "_r%" PRId64, c->rotary_dim);
  snprintf(out, size, "rope_%s%s_%s_d%" PRId64 "%s", (c->flags & RAPT_ROPE_INTERLEAVED) != 0 ? "interleaved_" : "",
           rapt_storage_name(c->input.dtype, c->output.dtype), rapt_isa_name(context->isa), c->head_dim, rotary);
}

static rapt_status run(rapt_context *context, void *problem, const void *memory, void *scratch, rapt_stream *stream,
                       rapt_error *error) {
  (void)scratch, (void)stream, (void)error;
  rapt_cpu_context *cpu = (rapt_cpu_context *)context;
  const rapt_cpu_rope *g = memory;
  const rapt_rope *c = problem;
  // With one head its stride may be any number.
  rope_job job = {.call = c,
                  .block = g->block,
                  .rotation = rapt_rotation_of(&cpu->kernels, (c->flags & RAPT_ROPE_INTERLEAVED) != 0, c->head_dim,
                                               c->rotary_dim, &c->input, &c->output),
                  .angles = {&cpu->kernels, rapt_is_present(&c->positions) ? &c->positions : NULL, c->table_length,
                             c->rotary_dim / 2},
                  .input_step = c->heads > 1 ? c->input.stride[1] * rapt_element_size(c->input.dtype) : 0,
                  .output_step = c->heads > 1 ? c->output.stride[1] * rapt_element_size(c->output.dtype) : 0};
  rapt_parallel(cpu->pool, g->tasks, g->share, run_task, &job);
  return RAPT_OK;
}

const rapt_device_operation rapt_cpu_rope_operation = {.plan = plan, .name = name, .prepare = prepare, .run = run};
