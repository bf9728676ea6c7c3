// SPDX-License-Identifier: Apache-2.0
// Merging on the CPU: plan and run. A row of results is a weighted sum of the parts' rows, which decode's kernel for
// weights times values computes.
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/arithmetic.h"
#include "base/error.h"
#include "cpu/engine/engine.h"
#include "cpu/engine/rows.h"

extern const rapt_device_operation rapt_cpu_merge_operation;

// Parts that are added at a time, in f32. It is a constant, because it decides on the order of the sums. Where there
// are more, these sums are added up in double: a float that went on would be off by up to a rounding for each part.
#define PARTS 64
// Rows per task at most.
#define BLOCK_ROWS 16

typedef struct rapt_cpu_merge {
  int64_t rows;
  int64_t block;
  int64_t tasks;
  rapt_share share;
  int64_t slot_scratch;
} rapt_cpu_merge;

_Static_assert(sizeof(rapt_cpu_merge) <= RAPT_PLAN_ROOM, "a call's room");

typedef struct merge_job {
  const rapt_kernels *kernels;
  const rapt_merge *call;
  const rapt_cpu_merge *plan;
  unsigned char *slots;
} merge_job;

// A thread's scratch: the row of results; rows of parts that are not contiguous; and where there are more than PARTS
// parts, the total of those before, of which the row holds the latest then.
typedef struct merge_slot {
  float *row;
  float *staged;
  double *total;
} merge_slot;

static int is_staged(const rapt_merge *c) { return c->partial_output.stride[4] != 1; }

static void lay_slot(rapt_arena *arena, const rapt_merge *c, merge_slot *slot) {
  slot->row = rapt_arena_take(arena, c->value_dim, sizeof(float));
  slot->staged = is_staged(c) ? rapt_arena_take(arena, PARTS * c->value_dim, sizeof(float)) : NULL;
  slot->total = c->parts > PARTS ? rapt_arena_take(arena, c->value_dim, sizeof(double)) : NULL;
}

static rapt_status plan(const rapt_context *context, void *problem, void *memory, rapt_needs *needs,
                        rapt_error *error) {
  const rapt_cpu_context *cpu = (const rapt_cpu_context *)context;
  const rapt_merge *c = problem;
  rapt_cpu_merge *p = memory;
  if (__builtin_mul_overflow(c->batch, c->heads, &p->rows) || __builtin_mul_overflow(p->rows, c->query_len, &p->rows)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "batch times heads times query_len overflows 64 bits");
  }
  double work = (double)p->rows * (double)(c->parts + 1) * (double)c->value_dim;
  p->share = rapt_share_work(cpu->pool, p->rows, work, cpu->kernels.lanes);
  // Four tasks per thread keep the threads evenly busy.
  p->block = rapt_clamp(rapt_ceil_div(p->rows, 4 * (int64_t)p->share.slots), 1, BLOCK_ROWS);
  p->tasks = rapt_ceil_div(p->rows, p->block);
  p->share.slots = (int32_t)rapt_min(p->share.slots, p->tasks);
  rapt_arena slot = {0};
  merge_slot unused;
  lay_slot(&slot, c, &unused);
  p->slot_scratch = slot.used;
  needs->scratch = p->slot_scratch * p->share.slots;
  needs->threads = p->share.slots;
  return RAPT_OK;
}

static void name(const rapt_context *context, const void *problem, const void *memory, char *out, size_t size) {
  (void)memory;
  const rapt_merge *c = problem;
  snprintf(out, size, "merge_%s_%s_d%" PRId64, rapt_storage_name(c->partial_output.dtype, c->output.dtype),
           rapt_isa_name(context->isa), c->value_dim);
}

static const float *lse_of(const rapt_merge *c, int64_t part, const int64_t at[3]) {
  const rapt_tensor *t = &c->partial_lse;
  return (const float *)t->data + part * t->stride[0] + at[0] * t->stride[1] + at[1] * t->stride[2] +
         at[2] * t->stride[3];
}

static const void *output_of(const rapt_merge *c, int64_t part, const int64_t at[3]) {
  const rapt_tensor *t = &c->partial_output;
  return rapt_offset(t, part * t->stride[0] + at[0] * t->stride[1] + at[1] * t->stride[2] + at[2] * t->stride[3]);
}

// What the weights of a row's parts share: e^(lse - highest) / sum.
typedef struct row_total {
  double highest;
  double sum;
} row_total;

// Computes the weights of parts first .. first + count, not yet divided by their sum, and adds them to it. An LSE of
// +inf or NaN makes the sum NaN.
static void weigh_parts(const rapt_merge *c, int64_t first, int64_t count, const int64_t at[3], row_total *total,
                        double *weights) {
  for (int64_t n = 0; n < count; n++) {
    weights[n] = exp((double)*lse_of(c, first + n, at) - total->highest);
    total->sum += weights[n];
  }
}

static double highest_lse(const rapt_merge *c, const int64_t at[3]) {
  double highest = -INFINITY;
  for (int64_t n = 0; n < c->parts; n++) {
    double lse = (double)*lse_of(c, n, at);
    if (isnan(lse)) return lse;
    if (lse > highest) highest = lse;
  }
  return highest;
}

// The weight of a part. Only an empty part has weight 0, so that a NaN in any other part reaches the result, however
// small its weight.
static float weight_of(float lse, double unscaled, double sum) {
  if (lse == -INFINITY) return 0;
  float weight = (float)(unscaled / sum);
  return weight == 0 ? FLT_TRUE_MIN : weight;
}

static void add_parts(const rapt_kernels *kernels, const rapt_merge *c, const float *weights, int64_t first,
                      int64_t count, const int64_t at[3], const merge_slot *slot) {
  static const float one = 1;
  const rapt_tensor *t = &c->partial_output;
  const void *values = output_of(c, first, at);
  int64_t stride = t->stride[0];
  const rapt_decode_kernels *reading = &kernels->decode[RAPT_READING_PREFETCH];
  rapt_gather *gather = t->dtype == RAPT_F16    ? reading->gather_f16
                        : t->dtype == RAPT_BF16 ? reading->gather_bf16
                                                : reading->gather_f32;
  if (is_staged(c)) {
    for (int64_t n = 0; n < count; n++) {
      float *to = slot->staged + n * c->value_dim;
      const float *row = rapt_read_row(kernels, t->dtype, output_of(c, first + n, at), t->stride[4], c->value_dim, to);
      if (row != to) memcpy(to, row, (size_t)c->value_dim * sizeof(float));
    }
    values = slot->staged;
    stride = c->value_dim;
    gather = reading->gather_f32;
  }
  gather(1, weights, count, count, values, stride, c->value_dim, &one, slot->row, c->value_dim, 1);
}

static void move_to_total(const merge_slot *slot, int64_t value_dim) {
  for (int64_t d = 0; d < value_dim; d++) slot->total[d] += (double)slot->row[d];
  memset(slot->row, 0, (size_t)value_dim * sizeof(float));
}

static void merge_row(const rapt_kernels *kernels, const rapt_merge *c, const int64_t at[3], const merge_slot *slot) {
  double unscaled[PARTS];
  row_total total = {.highest = highest_lse(c, at)}, again;
  int64_t parts = total.highest == -INFINITY ? 0 : c->parts;
  for (int64_t first = 0; first < parts; first += PARTS) {
    weigh_parts(c, first, rapt_min(PARTS, parts - first), at, &total, unscaled);
  }
  memset(slot->row, 0, (size_t)c->value_dim * sizeof(float));
  for (int64_t d = 0; parts > PARTS && d < c->value_dim; d++) slot->total[d] = 0;
  again = total;
  for (int64_t first = 0; first < parts; first += PARTS) {
    int64_t count = rapt_min(PARTS, parts - first);
    float weights[PARTS];
    // The unscaled weights of a single block are still there.
    if (parts > PARTS) weigh_parts(c, first, count, at, &again, unscaled);
    for (int64_t n = 0; n < count; n++) weights[n] = weight_of(*lse_of(c, first + n, at), unscaled[n], total.sum);
    add_parts(kernels, c, weights, first, count, at, slot);
    if (parts > PARTS) move_to_total(slot, c->value_dim);
  }
  for (int64_t d = 0; parts > PARTS && d < c->value_dim; d++) slot->row[d] = (float)slot->total[d];
  rapt_write_row(kernels, slot->row, c->value_dim, c->output.dtype, rapt_row(&c->output, at[0], at[1], at[2]),
                 c->output.stride[3]);
  if (!rapt_is_present(&c->lse)) return;
  *rapt_f32_row(&c->lse, at[0], at[1], at[2]) = (float)(parts == 0 ? -INFINITY : total.highest + log(total.sum));
}

static void run_task(void *argument, int64_t task, int32_t slot_number) {
  const merge_job *job = argument;
  const rapt_merge *c = job->call;
  rapt_arena arena = {.base = job->slots + slot_number * job->plan->slot_scratch};
  merge_slot slot;
  lay_slot(&arena, c, &slot);
  int64_t first = task * job->plan->block, last = rapt_min(first + job->plan->block, job->plan->rows);
  for (int64_t row = first; row < last; row++) {
    int64_t unit = row / c->query_len;
    merge_row(job->kernels, c, (int64_t[]){unit / c->heads, unit % c->heads, row % c->query_len}, &slot);
  }
}

static rapt_status run(rapt_context *context, void *problem, const void *memory, void *scratch, rapt_stream *stream,
                       rapt_error *error) {
  (void)stream, (void)error;
  rapt_cpu_context *cpu = (rapt_cpu_context *)context;
  const rapt_cpu_merge *p = memory;
  merge_job job = {.kernels = &cpu->kernels, .call = problem, .plan = p, .slots = scratch};
  rapt_parallel(cpu->pool, p->tasks, p->share, run_task, &job);
  return RAPT_OK;
}

const rapt_device_operation rapt_cpu_merge_operation = {.plan = plan, .name = name, .run = run};
