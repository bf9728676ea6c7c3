// SPDX-License-Identifier: Apache-2.0
// Few queries: every byte of K and V is read once, as it lies, for the whole group; the keys are split into chunks of
// their own tasks (FlashDecoding), whose partial results are merged afterwards.
#include <string.h>

#include "core/arithmetic.h"
#include "core/attention_parts.h"

// Whether the kernels read these rows as they lie. A scale for every token is applied to scores and weights instead.
static int reads_in_place(const rapt_kv *kv) { return kv->rows->dtype != RAPT_I8 || kv->groups == 1; }

void rapt_decode_slot_lay(rapt_arena *arena, const rapt_problem *problem, const rapt_geometry *g,
                          rapt_decode_slot *slot) {
  const rapt_attention *c = &problem->call;
  rapt_kv keys = rapt_keys(problem), values = rapt_values(problem);
  slot->lanes = rapt_arena_take(arena, 1, sizeof(rapt_lanes));
  slot->query = rapt_arena_take(arena, problem->rows * c->head_dim, sizeof(float));
  slot->output = rapt_arena_take(arena, problem->rows * c->value_dim, sizeof(float));
  slot->maximum = rapt_arena_take(arena, RAPT_DECODE_WIDTH, sizeof(float));
  slot->sum = rapt_arena_take(arena, RAPT_DECODE_WIDTH, sizeof(float));
  slot->scores = rapt_arena_take(arena, problem->rows * g->key_tile, sizeof(float));
  slot->visible = rapt_arena_take(arena, problem->rows * g->key_tile, 1);
  slot->correction = rapt_arena_take(arena, RAPT_DECODE_WIDTH, sizeof(float));
  int64_t rows = reads_in_place(&keys) && reads_in_place(&values) ? 1 : g->key_tile;
  slot->rows = rapt_arena_take(arena, rows * rapt_max(c->head_dim, c->value_dim), sizeof(float));
  slot->biases = rapt_arena_take(arena, g->key_tile, sizeof(float));
}

// Whether queries stay bf16, because keys are.
static int takes_pairs(const rapt_kernels *kernels, const rapt_problem *problem) {
  const rapt_attention *c = &problem->call;
  return kernels->dots_pairs != NULL && c->query.dtype == RAPT_BF16 && c->key.dtype == RAPT_BF16;
}

static void begin(const rapt_kernels *kernels, const rapt_problem *problem, const rapt_decode_slot *slot) {
  const rapt_attention *c = &problem->call;
  const rapt_lanes *lanes = slot->lanes;
  for (int64_t r = 0; r < lanes->count; r++) {
    const void *row = rapt_row(&c->query, lanes->batch, lanes->head[r], lanes->query[r]);
    float *to = slot->query + r * c->head_dim;
    if (takes_pairs(kernels, problem)) {
      rapt_read_bf16(row, c->query.stride[3], c->head_dim, (uint16_t *)to);
      continue;
    }
    const float *from = rapt_read_row(kernels, c->query.dtype, row, c->query.stride[3], c->head_dim, to);
    if (from != to) memcpy(to, from, (size_t)c->head_dim * sizeof(float));
  }
  memset(slot->output, 0, (size_t)(problem->rows * c->value_dim) * sizeof(float));
  for (int64_t r = 0; r < RAPT_DECODE_WIDTH; r++) {
    slot->maximum[r] = -__builtin_inff();
    slot->sum[r] = 0;
  }
}

// Rows j .. j + keys of K or V as a decode kernel takes them.
typedef struct tile {
  const void *rows;
  int64_t stride;
  int32_t dtype;
} tile;

static tile load_tile(const rapt_kernels *kernels, const rapt_kv *kv, const rapt_decode_slot *slot, int64_t kv_head,
                      int64_t j, int64_t keys) {
  int64_t batch = slot->lanes->batch;
  if (reads_in_place(kv)) {
    return (tile){rapt_row(kv->rows, batch, kv_head, j), kv->rows->stride[2], kv->rows->dtype};
  }
  for (int64_t i = 0; i < keys; i++) {
    rapt_read_kv_row(kernels, kv, batch, kv_head, j + i, slot->rows + i * kv->depth);
  }
  return (tile){slot->rows, kv->depth, RAPT_F32};
}

static rapt_dots *dots_of(const rapt_kernels *kernels, int32_t dtype) {
  switch (dtype) {
    case RAPT_F16:
      return kernels->dots_f16;
    case RAPT_BF16:
      return kernels->dots_bf16;
    case RAPT_I8:
      return kernels->dots_i8;
    default:
      return kernels->dots_f32;
  }
}

static rapt_gather *gather_of(const rapt_kernels *kernels, int32_t dtype) {
  switch (dtype) {
    case RAPT_F16:
      return kernels->gather_f16;
    case RAPT_BF16:
      return kernels->gather_bf16;
    case RAPT_I8:
      return kernels->gather_i8;
    default:
      return kernels->gather_f32;
  }
}

// Multiplies scores or weights of keys j .. j + keys by these keys' scales; with guarded, zeros stay zeros whatever the
// scale.
static void apply_scales(const rapt_kernels *kernels, const rapt_kv *kv, const rapt_decode_slot *slot, int64_t kv_head,
                         int64_t j, int64_t keys, int64_t rows, int64_t stride, int guarded) {
  const float *scale = rapt_row(kv->scale, slot->lanes->batch, kv_head, j);
  int64_t step = kv->scale->stride[2];
  if (step == 1 && !guarded) {
    kernels->scale_keys(rows, keys, stride, scale, slot->scores);
    return;
  }
  for (int64_t r = 0; r < rows; r++) {
    float *row = slot->scores + r * stride;
    for (int64_t k = 0; k < keys; k++) row[k] = guarded && row[k] == 0 ? 0 : row[k] * scale[k * step];
  }
}

// Leaving weights of 0 out is slower, and only matters where a masked value is not finite.
static int all_finite(const rapt_kernels *kernels, const rapt_kv *values, const rapt_decode_slot *slot, int64_t kv_head,
                      int64_t j, int64_t keys) {
  for (int64_t k = 0; k < keys; k++) {
    const float *row = rapt_read_kv_row(kernels, values, slot->lanes->batch, kv_head, j + k, slot->rows);
    if (!kernels->all_finite(values->depth, row)) return 0;
  }
  return 1;
}

static void attend(const rapt_kernels *kernels, const rapt_problem *problem, const rapt_geometry *g,
                   const rapt_decode_slot *slot, int64_t kv_head, int64_t j, int64_t keys) {
  const rapt_attention *c = &problem->call;
  int64_t rows = problem->rows, stride = g->key_tile;
  rapt_kv k = rapt_keys(problem), v = rapt_values(problem);
  tile from = load_tile(kernels, &k, slot, kv_head, j, keys);
  (takes_pairs(kernels, problem) ? kernels->dots_pairs : dots_of(kernels, from.dtype))(
      rows, slot->query, c->head_dim, keys, from.rows, from.stride, c->head_dim, slot->scores, stride);
  if (from.dtype == RAPT_I8) apply_scales(kernels, &k, slot, kv_head, j, keys, rows, stride, 0);
  int guarded = rapt_transform_rows(kernels, problem, slot->lanes, j, keys, stride, slot->scores, slot->biases);
  guarded = guarded && !all_finite(kernels, &v, slot, kv_head, j, keys);
  for (int64_t r = 0; guarded && r < rows; r++) {
    rapt_note_visible(keys, slot->scores + r * stride, slot->visible + r * stride);
  }
  kernels->softmax_rows(rows, keys, stride, problem->to_exponent, slot->scores, slot->maximum, slot->sum,
                        slot->correction);
  for (int64_t r = 0; guarded && r < rows; r++) {
    rapt_keep_visible(keys, slot->visible + r * stride, slot->scores + r * stride);
  }
  from = load_tile(kernels, &v, slot, kv_head, j, keys);
  if (from.dtype == RAPT_I8) apply_scales(kernels, &v, slot, kv_head, j, keys, rows, stride, guarded);
  gather_of(kernels, from.dtype)(rows, slot->scores, stride, keys, from.rows, from.stride, c->value_dim,
                                 slot->correction, slot->output, c->value_dim, guarded);
}

void rapt_decode_task(void *argument, int64_t task, int32_t slot_index) {
  const rapt_attention_job *job = argument;
  const rapt_geometry *g = job->geometry;
  const rapt_problem *problem = job->problem;
  const rapt_attention *c = &problem->call;
  const rapt_kernels *kernels = &job->context->kernels;
  rapt_arena arena = {.base = job->slots + slot_index * g->slot_scratch};
  rapt_decode_slot slot;
  rapt_decode_slot_lay(&arena, problem, g, &slot);

  int64_t unit = task / g->splits, split = task % g->splits;
  int64_t kv_head = unit % c->kv_heads;
  rapt_lanes *lanes = slot.lanes;
  rapt_lanes_fill(problem, unit / c->kv_heads, kv_head, 0, problem->rows, RAPT_DECODE_WIDTH, lanes);
  begin(kernels, problem, &slot);
  int64_t first = split * g->chunk, last = first + rapt_min(c->kv_len - first, g->chunk);
  for (int64_t j = first; j < last; j += g->key_tile) {
    int64_t from = rapt_max(lanes->low, j);
    int64_t to = rapt_min(lanes->high, j + rapt_min(last - j, g->key_tile));
    if (from < to) attend(kernels, problem, g, &slot, kv_head, from, to - from);
  }
  if (g->splits == 1) {
    rapt_finish(kernels, problem, lanes, RAPT_PATH_DECODE, slot.maximum, slot.sum, slot.output, NULL);
    return;
  }
  const rapt_partials *partials = &job->partials;
  memcpy(partials->maximum + task * partials->width, slot.maximum, RAPT_DECODE_WIDTH * sizeof(float));
  memcpy(partials->sum + task * partials->width, slot.sum, RAPT_DECODE_WIDTH * sizeof(float));
  memcpy(partials->output + task * partials->output_size, slot.output, (size_t)partials->output_size * sizeof(float));
}
