// SPDX-License-Identifier: Apache-2.0
// Rotary embedding on the CPU: plan and run.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arithmetic.h"
#include "base/error.h"
#include "cpu/engine/engine.h"
#include "cpu/engine/rows.h"
#include "cpu/rope/rope.h"

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
  const rapt_kernels *kernels;
  const rapt_rope *call;
  int64_t block;
  // What every row asks for, looked up once: bytes from one head to the next, whether rows are contiguous and of one
  // dtype, and the bytes of a row that are rotated and that are copied.
  int64_t input_step, output_step;
  int direct;
  size_t rotated_bytes, copied_bytes;
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

// The row of cosine or sine that belongs to token (b, s). A position that another thread has changed since it was
// checked names some row, and never memory outside the table.
static const void *angles(const rapt_rope *c, const rapt_tensor *t, int64_t b, int64_t s) {
  if (!rapt_is_present(&c->positions)) return rapt_row(t, b, s, 0);
  return rapt_row(t, rapt_clamp(rapt_index_at(&c->positions, b, s), 0, c->table_length - 1), 0, 0);
}

// Rotates contiguous rows of one dtype without copies.
static void rotate_directly(const rope_job *job, const rope_token *token, const void *in, void *out) {
  const rapt_kernels *kernels = job->kernels;
  const rapt_rope *c = job->call;
  int64_t pairs = c->rotary_dim / 2;
  int interleaved = (c->flags & RAPT_ROPE_INTERLEAVED) != 0;
  if (c->output.dtype == RAPT_F16) {
    kernels->rotate_f16(pairs, interleaved, token->cosine, token->sine, in, out);
  } else if (c->output.dtype == RAPT_BF16) {
    kernels->rotate_bf16(pairs, interleaved, token->cosine, token->sine, in, out);
  } else {
    kernels->rotate(pairs, interleaved, token->cosine, token->sine, in, out);
  }
  if (in != out && job->copied_bytes > 0) {
    memcpy((unsigned char *)out + job->rotated_bytes, (const unsigned char *)in + job->rotated_bytes,
           job->copied_bytes);
  }
}

// Rotates any other rows by way of float copies.
static void rotate_staged(const rapt_kernels *kernels, const rapt_rope *c, const rope_token *token, const void *in,
                          void *out) {
  float row[RAPT_MAX_HEAD_DIM];
  int64_t rotary = c->rotary_dim;
  // In place the elements behind the pairs already are where they belong.
  int64_t count = in == out ? rotary : c->head_dim;
  const float *from = rapt_read_row(kernels, c->input.dtype, in, c->input.stride[3], count, row);
  kernels->rotate(rotary / 2, (c->flags & RAPT_ROPE_INTERLEAVED) != 0, token->cosine, token->sine, from, row);
  if (from != row) memcpy(row + rotary, from + rotary, (size_t)(count - rotary) * sizeof(float));
  rapt_write_row(kernels, row, count, c->output.dtype, out, c->output.stride[3]);
}

static void rotate_row(const rope_job *job, const rope_token *token, int64_t head) {
  const void *in = token->input + head * job->input_step;
  void *out = token->output + head * job->output_step;
  if (job->direct) {
    rotate_directly(job, token, in, out);
  } else {
    rotate_staged(job->kernels, job->call, token, in, out);
  }
}

static void run_task(void *argument, int64_t task, int32_t slot) {
  (void)slot;
  const rope_job *job = argument;
  const rapt_rope *c = job->call;
  float cosines[BLOCK_PAIRS], sines[BLOCK_PAIRS];
  rope_token tokens[BLOCK_TOKENS];
  // Row strides of the angles: the last dimension they have.
  int32_t last = rapt_is_present(&c->positions) ? 1 : 2;
  int64_t pairs = c->rotary_dim / 2, first = task * job->block;
  int64_t count = rapt_min(job->block, c->batch * c->length - first);
  for (int64_t i = 0; i < count; i++) {
    int64_t b = (first + i) / c->length, s = (first + i) % c->length;
    tokens[i] = (rope_token){.input = rapt_row(&c->input, b, 0, s),
                             .output = rapt_row(&c->output, b, 0, s),
                             .cosine = rapt_read_row(job->kernels, c->cosine.dtype, angles(c, &c->cosine, b, s),
                                                     c->cosine.stride[last], pairs, cosines + i * pairs),
                             .sine = rapt_read_row(job->kernels, c->sine.dtype, angles(c, &c->sine, b, s),
                                                   c->sine.stride[last], pairs, sines + i * pairs)};
  }
  // Go through heads and tokens in the order in which the output lies in memory.
  int by_head = llabs(c->output.stride[1]) > llabs(c->output.stride[2]);
  int64_t outer = by_head ? c->heads : count, inner = by_head ? count : c->heads;
  for (int64_t o = 0; o < outer; o++) {
    for (int64_t i = 0; i < inner; i++) rotate_row(job, &tokens[by_head ? i : o], by_head ? o : i);
  }
}

static rapt_status check_positions(rapt_context *context, const void *problem, rapt_error *error) {
  (void)context;
  const rapt_rope *c = problem;
  if (!rapt_is_present(&c->positions)) return RAPT_OK;
  for (int64_t b = 0; b < c->batch; b++) {
    for (int64_t s = 0; s < c->length; s++) {
      int64_t position = rapt_index_at(&c->positions, b, s);
      if (position >= 0 && position < c->table_length) continue;
      return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                       "positions(%" PRId64 ", %" PRId64 ") is %" PRId64 "; allowed: 0 to %" PRId64, b, s, position,
                       c->table_length - 1);
    }
  }
  return RAPT_OK;
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
  int64_t input_bytes = rapt_element_size(c->input.dtype), output_bytes = rapt_element_size(c->output.dtype);
  // With one head its stride may be any number.
  rope_job job = {.kernels = &cpu->kernels,
                  .call = c,
                  .block = g->block,
                  .input_step = c->heads > 1 ? c->input.stride[1] * input_bytes : 0,
                  .output_step = c->heads > 1 ? c->output.stride[1] * output_bytes : 0,
                  .direct = c->input.dtype == c->output.dtype && c->input.stride[3] == 1 && c->output.stride[3] == 1,
                  .rotated_bytes = (size_t)(c->rotary_dim * output_bytes),
                  .copied_bytes = (size_t)((c->head_dim - c->rotary_dim) * output_bytes)};
  rapt_parallel(cpu->pool, g->tasks, g->share, run_task, &job);
  return RAPT_OK;
}

const rapt_device_operation rapt_cpu_rope_operation = {
    .plan = plan, .name = name, .prepare = check_positions, .run = run};
