// SPDX-License-Identifier: Apache-2.0
// Appending to a cache on the CPU: plan and run.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arithmetic.h"
#include "base/error.h"
#include "cpu/append/past_caches.h"
#include "cpu/append/quantise.h"
#include "cpu/append/slots.h"
#include "cpu/engine/engine.h"
#include "cpu/rope/angles.h"
#include "cpu/rope/rotation.h"

extern const rapt_device_operation rapt_cpu_append_operation;

// The most tokens per task, and the most pairs whose cosines and sines are widened at a time, as for rope.
#define BLOCK_TOKENS 16
#define BLOCK_PAIRS 2048
_Static_assert(BLOCK_PAIRS >= RAPT_MAX_HEAD_DIM / 2, "a block holds a token");
// The cost of an element, in multiply-adds of a matrix product: it is read, turned or converted, and written once.
#define ELEMENT_WORK 8

typedef struct rapt_cpu_append {
  int64_t block;
  int64_t tasks;
  rapt_share share;
  // Whether rows are stored past the caches.
  int past_caches;
} rapt_cpu_append;
_Static_assert(sizeof(rapt_cpu_append) <= RAPT_PLAN_ROOM, "a call's room");

// Where rows of one kind come from and go to.
typedef struct append_rows {
  const rapt_tensor *from;
  const rapt_tensor *to;
  // NULL where `to` is not i8.
  const rapt_tensor *scale;
  int64_t groups;
  int64_t depth;
  // Whether a row is copied byte by byte.
  int plain;
  // Whether it is stored past the caches.
  int past_caches;
} append_rows;

typedef struct append_job {
  const rapt_kernels *kernels;
  const rapt_append *call;
  const rapt_cpu_append *plan;
  append_rows keys, values;
  rapt_angles angles;
  // Of keys, to floats where they are quantised afterwards, and of queries.
  rapt_rotation key_rotation, query_rotation;
} append_job;

// One token and its place in the cache.
typedef struct append_token {
  int64_t batch, index;
  // -1 = left out.
  int64_t page, row;
  const float *cosine;
  const float *sine;
} append_token;

// Whether more is written than the threads' second level holds. What that holds, the attention of the same step may
// find there; a prompt's rows leave it before.
static int goes_past_caches(const rapt_cpu_context *cpu, const rapt_append *c, int64_t tokens, int32_t threads) {
  double row = (double)c->head_dim * (double)rapt_element_size(c->key_cache.dtype) +
               (double)c->value_dim * (double)rapt_element_size(c->value_cache.dtype);
  return (double)tokens * (double)c->kv_heads * row > (double)threads * (double)cpu->machine.l2;
}

static rapt_status plan(const rapt_context *context, void *problem, void *memory, rapt_needs *needs,
                        rapt_error *error) {
  const rapt_cpu_context *cpu = (const rapt_cpu_context *)context;
  const rapt_append *c = problem;
  rapt_cpu_append *p = memory;
  int64_t tokens;
  // Tensors that broadcast may claim more tokens than there is memory.
  if (__builtin_mul_overflow(c->batch, c->length, &tokens)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "batch is %" PRId64 " and length %" PRId64 "; their product does not fit 64 bits", c->batch,
                     c->length);
  }
  double width = (double)c->kv_heads * (double)(c->head_dim + c->value_dim) + (double)c->query_heads * c->head_dim;
  p->share = rapt_share_work(cpu->pool, tokens, (double)tokens * width * ELEMENT_WORK, cpu->kernels.lanes);
  int64_t most = c->rotary_dim > 0 ? rapt_min(BLOCK_TOKENS, BLOCK_PAIRS / (c->rotary_dim / 2)) : BLOCK_TOKENS;
  // Four tasks per thread keep the threads evenly busy.
  p->block = rapt_clamp(rapt_ceil_div(tokens, 4 * (int64_t)p->share.slots), 1, most);
  p->tasks = rapt_ceil_div(tokens, p->block);
  p->share.slots = (int32_t)rapt_clamp(p->tasks, 1, p->share.slots);
  p->past_caches = goes_past_caches(cpu, c, tokens, p->share.slots);
  needs->scratch = 0;
  needs->threads = p->share.slots;
  return RAPT_OK;
}

static void name(const rapt_context *context, const void *problem, const void *memory, char *out, size_t size) {
  (void)memory;
  const rapt_append *c = problem;
  snprintf(out, size, "append_%s%s_%s_d%" PRId64, c->rotary_dim > 0 ? "rope_" : "",
           rapt_storage_name(c->key_cache.dtype, c->value_cache.dtype), rapt_isa_name(context->isa), c->head_dim);
}

static rapt_status prepare(rapt_context *context, const void *problem, rapt_error *error) {
  (void)context;
  const rapt_append *c = problem;
  RAPT_CHECK(rapt_angles_check(&c->positions, c->batch, c->length, c->table_length, error));
  return rapt_slots_check(c, error);
}

static append_rows rows_of(const rapt_tensor *from, const rapt_tensor *to, const rapt_tensor *scale, int64_t groups,
                           int64_t depth, int past_caches) {
  return (append_rows){.from = from,
                       .to = to,
                       .scale = rapt_is_present(scale) ? scale : NULL,
                       .groups = groups,
                       .depth = depth,
                       .plain = from->dtype == to->dtype && from->stride[3] == 1 && to->stride[3] == 1,
                       .past_caches = past_caches && to->stride[3] == 1};
}

// A row of any storage type on its way past the caches.
typedef union staged_row {
  float floats[RAPT_MAX_HEAD_DIM];
  uint16_t halves[RAPT_MAX_HEAD_DIM];
  int8_t integers[RAPT_MAX_HEAD_DIM];
} staged_row;

static void *place_of(const append_rows *rows, const append_token *token, int64_t head) {
  return rapt_row(rows->to, token->page, head, token->row);
}

// Where a row is computed: its place, or a staged row.
static void *target_of(const append_rows *rows, const append_token *token, int64_t head, staged_row *staged) {
  return rows->past_caches ? (void *)staged : place_of(rows, token, head);
}

static void send_staged(const append_rows *rows, const append_token *token, int64_t head, const void *row) {
  size_t bytes = (size_t)(rows->depth * rapt_element_size(rows->to->dtype));
  if (rows->past_caches) rapt_store_past_caches(place_of(rows, token, head), row, bytes);
}

static void quantise(const append_job *job, const append_rows *rows, const float *row, const append_token *token,
                     int64_t head, int8_t *to) {
  int64_t width = rows->depth / rows->groups, step = rows->to->stride[3];
  float *scale = rapt_f32_row(rows->scale, token->page, head, token->row);
  for (int64_t g = 0; g < rows->groups; g++) {
    scale[g * rows->scale->stride[3]] =
        rapt_quantise_group(job->kernels, row + g * width, width, to + g * width * step, step);
  }
}

// A row that is not turned.
static void store(const append_job *job, const append_rows *rows, const append_token *token, int64_t head) {
  const void *from = rapt_row(rows->from, token->batch, head, token->index);
  staged_row staged;
  if (rows->plain && rows->past_caches) {
    send_staged(rows, token, head, from);
    return;
  }
  void *to = target_of(rows, token, head, &staged);
  if (rows->plain) {
    memcpy(to, from, (size_t)(rows->depth * rapt_element_size(rows->to->dtype)));
    return;
  }
  float widened[RAPT_MAX_HEAD_DIM];
  const float *row = rapt_read_row(job->kernels, rows->from->dtype, from, rows->from->stride[3], rows->depth, widened);
  if (rows->scale != NULL) {
    quantise(job, rows, row, token, head, to);
  } else {
    rapt_write_row(job->kernels, row, rows->depth, rows->to->dtype, to, rows->to->stride[3]);
  }
  send_staged(rows, token, head, &staged);
}

static void store_key(const append_job *job, const append_token *token, int64_t head) {
  const append_rows *rows = &job->keys;
  if (token->cosine == NULL) {
    store(job, rows, token, head);
    return;
  }
  const void *from = rapt_row(rows->from, token->batch, head, token->index);
  staged_row staged;
  void *to = target_of(rows, token, head, &staged);
  if (rows->scale == NULL) {
    rapt_rotate_row(&job->key_rotation, token->cosine, token->sine, from, to);
  } else {
    float turned[RAPT_MAX_HEAD_DIM];
    rapt_rotate_row(&job->key_rotation, token->cosine, token->sine, from, turned);
    quantise(job, rows, turned, token, head, to);
  }
  send_staged(rows, token, head, &staged);
}

static void store_value(const append_job *job, const append_token *token, int64_t head) {
  store(job, &job->values, token, head);
}

static void turn_query(const append_job *job, const append_token *token, int64_t head) {
  void *row = rapt_row(&job->call->query, token->batch, head, token->index);
  rapt_rotate_row(&job->query_rotation, token->cosine, token->sine, row, row);
}

typedef void do_row(const append_job *job, const append_token *token, int64_t head);

// Goes through heads and tokens in the order in which what is written lies in memory.
static void each_row(const append_job *job, do_row *row, const rapt_tensor *written, int64_t heads,
                     const append_token *tokens, int64_t count) {
  int by_head = llabs(written->stride[1]) > llabs(written->stride[2]);
  int64_t outer = by_head ? heads : count, inner = by_head ? count : heads;
  for (int64_t o = 0; o < outer; o++) {
    for (int64_t i = 0; i < inner; i++) row(job, &tokens[by_head ? i : o], by_head ? o : i);
  }
}

static void run_task(void *argument, int64_t task, int32_t slot) {
  (void)slot;
  const append_job *job = argument;
  const rapt_append *c = job->call;
  float cosines[BLOCK_PAIRS], sines[BLOCK_PAIRS];
  append_token tokens[BLOCK_TOKENS], kept[BLOCK_TOKENS];
  int64_t pairs = c->rotary_dim / 2, first = task * job->plan->block, stored = 0;
  int64_t count = rapt_min(job->plan->block, c->batch * c->length - first);
  for (int64_t i = 0; i < count; i++) {
    int64_t b = (first + i) / c->length, s = (first + i) % c->length;
    append_token *token = &tokens[i];
    *token = (append_token){.batch = b, .index = s};
    if (pairs > 0) {
      token->cosine = rapt_angles_read(&job->angles, &c->cosine, b, s, cosines + i * pairs);
      token->sine = rapt_angles_read(&job->angles, &c->sine, b, s, sines + i * pairs);
    }
    // A slot that another thread has changed since it was checked may be taken twice, but is one of the cache.
    int64_t at = rapt_clamp(rapt_index_at(&c->slots, b, s), RAPT_NO_SLOT, c->pages * c->page_size - 1);
    if (at == RAPT_NO_SLOT) continue;
    token->page = at / c->page_size;
    token->row = at % c->page_size;
    kept[stored++] = *token;
  }
  each_row(job, store_key, &c->key_cache, c->kv_heads, kept, stored);
  each_row(job, store_value, &c->value_cache, c->kv_heads, kept, stored);
  if (job->plan->past_caches) rapt_past_caches_end();
  if (pairs > 0) each_row(job, turn_query, &c->query, c->query_heads, tokens, count);
}

static rapt_status run(rapt_context *context, void *problem, const void *memory, void *scratch, rapt_stream *stream,
                       rapt_error *error) {
  (void)scratch, (void)stream, (void)error;
  rapt_cpu_context *cpu = (rapt_cpu_context *)context;
  const rapt_cpu_append *p = memory;
  const rapt_append *c = problem;
  int interleaved = (c->flags & RAPT_ROPE_INTERLEAVED) != 0;
  const rapt_tensor floats = {.stride = {0, 0, 0, 1}, .dtype = RAPT_F32};
  append_job job = {
      .kernels = &cpu->kernels,
      .call = c,
      .plan = p,
      .keys = rows_of(&c->key, &c->key_cache, &c->key_scale, c->key_scale_groups, c->head_dim, p->past_caches),
      .values =
          rows_of(&c->value, &c->value_cache, &c->value_scale, c->value_scale_groups, c->value_dim, p->past_caches),
      .angles = {&cpu->kernels, rapt_is_present(&c->positions) ? &c->positions : NULL, c->table_length,
                 c->rotary_dim / 2}};
  job.key_rotation = rapt_rotation_of(&cpu->kernels, interleaved, c->head_dim, c->rotary_dim, &c->key,
                                      job.keys.scale != NULL ? &floats : &c->key_cache);
  job.query_rotation = rapt_rotation_of(&cpu->kernels, interleaved, c->head_dim, c->rotary_dim, &c->query, &c->query);
  rapt_parallel(cpu->pool, p->tasks, p->share, run_task, &job);
  return RAPT_OK;
}

const rapt_device_operation rapt_cpu_append_operation = {.plan = plan, .name = name, .prepare = prepare, .run = run};
