// SPDX-License-Identifier: Apache-2.0
// Lays the intermediate tensors of multi-head attention out in scratch, and counts the bytes.
#include "cpu/mha/mha.h"

// Rows of one batch entry from which on the projections lose nothing where entries no longer follow each other.
#define PARTED_ROWS 128

// Makes a head's rows contiguous, so that attention reads keys and values in place. Does nothing where a weight panel
// would reach into the next head.
static void part_heads(const rapt_kernels *kernels, rapt_product *p, rapt_tensor *heads, int64_t depth) {
  if (depth % kernels->panel_width != 0 || (p->batch > 1 && p->rows < PARTED_ROWS)) return;
  p->head_features = depth;
  p->head_stride = heads->stride[1] = p->rows * depth;
  p->output.stride[1] = heads->stride[2] = depth;
}

void rapt_cpu_mha_part_heads(const rapt_cpu_context *context, rapt_mha_problem *p) {
  rapt_sdpa *c = &p->attention.call;
  part_heads(&context->kernels, &p->query, &c->query, p->head_dim);
  // Appended rows are written as rows of all heads.
  if (p->total_len > p->call.kv_len) return;
  part_heads(&context->kernels, &p->key, &c->key, p->head_dim);
  part_heads(&context->kernels, &p->value, &c->value, p->value_dim);
}

static float *take(rapt_arena *arena, int64_t batch, int64_t rows, int64_t features) {
  int64_t count;
  if (__builtin_mul_overflow(batch, rows, &count) || __builtin_mul_overflow(count, features, &count)) {
    arena->overflow = 1;
    return NULL;
  }
  return rapt_arena_take(arena, count, sizeof(float));
}

void *rapt_cpu_mha_place(rapt_arena *arena, const rapt_cpu_mha *plan, rapt_mha_problem *p, float **head_weights) {
  const rapt_mha *c = &p->call;
  p->query.output.data = take(arena, c->batch, c->query_len, p->query.weights->out_features);
  p->key.output.data = take(arena, c->batch, p->total_len, p->key.weights->out_features);
  p->value.output.data = take(arena, c->batch, p->total_len, p->value.weights->out_features);
  p->attention.call.query.data = p->query.output.data;
  p->attention.call.key.data = p->key.output.data;
  p->attention.call.value.data = p->value.output.data;
  if (c->output_projection != NULL) {
    float *attended = take(arena, c->batch, c->query_len, c->query_heads * p->value_dim);
    p->attention.call.output.data = attended;
    p->output.input.data = attended;
  }
  *head_weights = p->averaged ? take(arena, c->query_heads, RAPT_AVERAGE_ROWS, p->total_len) : NULL;
  return rapt_arena_take(arena, plan->shared, 1);
}

int rapt_cpu_plan_mha(const rapt_cpu_context *context, const rapt_mha_problem *problem, rapt_cpu_mha *plan) {
  rapt_mha_problem p = *problem;
  const rapt_mha *c = &p.call;
  *plan = (rapt_cpu_mha){0};
  const rapt_product *inputs[] = {&p.query, &p.key, &p.value}, *output = &p.output;
  int fits = rapt_cpu_plan_linears(context, inputs, 3, &plan->inputs);
  if (c->output_projection != NULL) fits = fits && rapt_cpu_plan_linears(context, &output, 1, &plan->output);
  int64_t attention = 0;
  if (p.averaged) {
    // A full block of rows, and the last one: its plan can differ.
    int64_t last = c->query_len % RAPT_AVERAGE_ROWS, counts[] = {RAPT_AVERAGE_ROWS, last};
    for (int i = c->query_len < RAPT_AVERAGE_ROWS; i < (last > 0 ? 2 : 1); i++) {
      rapt_sdpa_problem slice;
      float mark = 0;
      rapt_mha_slice(&p, 0, 0, counts[i], &mark, RAPT_AVERAGE_ROWS, &slice);
      fits = fits && rapt_cpu_plan_sdpa(context, &slice, &plan->attention);
      if (plan->attention.scratch > attention) attention = plan->attention.scratch;
    }
  } else {
    fits = fits && rapt_cpu_plan_sdpa(context, &p.attention, &plan->attention);
    attention = plan->attention.scratch;
  }
  if (!fits) return 0;
  const int64_t parts[] = {plan->inputs.scratch, plan->output.scratch, attention};
  for (int i = 0; i < 3; i++) {
    if (parts[i] > plan->shared) plan->shared = parts[i];
  }
  rapt_arena arena = {0};
  float *unused;
  rapt_cpu_mha_place(&arena, plan, &p, &unused);
  plan->scratch = arena.used;
  return !arena.overflow;
}
