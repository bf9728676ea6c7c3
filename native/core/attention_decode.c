// SPDX-License-Identifier: Apache-2.0
// Few queries: every byte of K and V is read once, as it lies, for the whole group; the keys are split into chunks of
// their own tasks (FlashDecoding), whose partial results are merged afterwards.
#include <string.h>

#include "core/arithmetic.h"
#include "core/attention_parts.h"

// Rows that are widened are asked for this many ahead, as the kernels do with rows that they read where they lie.
#define ROWS_AHEAD 16
#define CACHE_LINE 64

void rapt_decode_slot_lay(rapt_arena *arena, const rapt_problem *problem, const rapt_geometry *g,
                          rapt_decode_slot *slot) {
  const rapt_attention *c = &problem->call;
  slot->lanes = rapt_arena_take(arena, 1, sizeof(rapt_lanes));
  slot->query = rapt_arena_take(arena, problem->rows * c->head_dim, sizeof(float));
  slot->output = rapt_arena_take(arena, problem->rows * c->value_dim, sizeof(float));
  slot->maximum = rapt_arena_take(arena, RAPT_DECODE_WIDTH, sizeof(float));
  slot->sum = rapt_arena_take(arena, RAPT_DECODE_WIDTH, sizeof(float));
  slot->scores = rapt_arena_take(arena, g->key_tile * RAPT_DECODE_WIDTH, sizeof(float));
  slot->correction = rapt_arena_take(arena, RAPT_DECODE_WIDTH, sizeof(float));
  int64_t depth = rapt_max(c->head_dim, c->value_dim);
  slot->rows = rapt_arena_take(arena, g->key_tile * depth, sizeof(float));
  rapt_transform_room_lay(arena, problem, g->key_tile, RAPT_DECODE_WIDTH, &slot->room);
}

static void begin(const rapt_kernels *kernels, const rapt_problem *problem, const rapt_decode_slot *slot) {
  const rapt_attention *c = &problem->call;
  const rapt_lanes *lanes = slot->lanes;
  for (int64_t r = 0; r < lanes->count; r++) {
    const void *row = rapt_row(&c->query, lanes->batch, lanes->head[r], lanes->query[r]);
    float *to = slot->query + r * c->head_dim;
    const float *from = rapt_read_row(kernels, c->query.dtype, row, c->query.stride[3], c->head_dim, to);
    if (from != to) memcpy(to, from, (size_t)c->head_dim * sizeof(float));
  }
  memset(slot->output, 0, (size_t)(problem->rows * c->value_dim) * sizeof(float));
  for (int64_t r = 0; r < RAPT_DECODE_WIDTH; r++) {
    slot->maximum[r] = -__builtin_inff();
    slot->sum[r] = 0;
  }
}

// Rows j .. j + keys of K or V as floats: as they lie, or widened into slot->rows. *stride is from row to row.
static const float *load_tile(const rapt_kernels *kernels, const rapt_tensor *tensor, const rapt_decode_slot *slot,
                              int64_t kv_head, int64_t j, int64_t keys, int64_t depth, int64_t *stride) {
  int64_t batch = slot->lanes->batch;
  *stride = tensor->stride[2];
  if (rapt_is_plain(tensor->dtype, tensor->stride[3])) return rapt_row(tensor, batch, kv_head, j);
  for (int64_t i = 0; i < keys; i++) {
    const void *row = rapt_row(tensor, batch, kv_head, j + i);
    const char *ahead = rapt_row(tensor, batch, kv_head, j + i + ROWS_AHEAD);
    for (int64_t b = 0; b < depth * rapt_element_size(tensor->dtype); b += CACHE_LINE) __builtin_prefetch(ahead + b);
    rapt_read_row(kernels, tensor->dtype, row, tensor->stride[3], depth, slot->rows + i * depth);
  }
  *stride = depth;
  return slot->rows;
}

static void attend(const rapt_kernels *kernels, const rapt_problem *problem, const rapt_decode_slot *slot,
                   int64_t kv_head, int64_t j, int64_t keys) {
  const rapt_attention *c = &problem->call;
  int64_t rows = problem->rows, stride;
  // Lanes without a row still go through the softmax; they only have to hold numbers.
  memset(slot->scores, 0, (size_t)(keys * RAPT_DECODE_WIDTH) * sizeof(float));
  const float *tile = load_tile(kernels, &c->key, slot, kv_head, j, keys, c->head_dim, &stride);
  kernels->dots(rows, slot->query, c->head_dim, keys, tile, stride, c->head_dim, slot->scores);
  int guarded = rapt_transform_scores(kernels, problem, slot->lanes, j, keys, slot->scores, &slot->room);
  kernels->softmax(keys, RAPT_DECODE_WIDTH, problem->to_exponent, slot->scores, slot->maximum, slot->sum,
                   slot->correction);
  const float *values = load_tile(kernels, &c->value, slot, kv_head, j, keys, c->value_dim, &stride);
  // Leaving weights of 0 out is slower, and only matters where a masked value is not finite.
  for (int64_t k = 0; guarded; k++) {
    if (k == keys) {
      guarded = 0;
    } else if (!kernels->all_finite(c->value_dim, values + k * stride)) {
      break;
    }
  }
  kernels->gather(rows, slot->scores, keys, values, stride, c->value_dim, slot->correction, slot->output, c->value_dim,
                  guarded);
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
    if (from < to) attend(kernels, problem, &slot, kv_head, from, to - from);
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
