// SPDX-License-Identifier: Apache-2.0
// Few queries: every byte of K and V is read once, as it lies, for the whole group; the keys are split into chunks of
// their own tasks (FlashDecoding), whose partial results are merged afterwards.
#include <string.h>

#include "base/arithmetic.h"
#include "cpu/sdpa/parts.h"

// Whether the kernels read these rows as they lie. A scale for every token is applied to scores and weights instead.
static int is_scaled_by_row(const rapt_kv *kv) { return kv->rows->dtype == RAPT_I8 && kv->groups == 1; }
static int reads_in_place(const rapt_kv *kv) { return kv->rows->dtype != RAPT_I8 || is_scaled_by_row(kv); }

void rapt_sdpa_decode_slot_lay(rapt_arena *arena, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *g,
                               rapt_sdpa_decode_slot *slot) {
  const rapt_sdpa *c = &problem->call;
  rapt_kv keys = rapt_sdpa_keys(problem), values = rapt_sdpa_values(problem);
  slot->lanes = rapt_arena_take(arena, 1, sizeof(rapt_sdpa_lanes));
  slot->query = rapt_arena_take(arena, problem->rows * c->head_dim, sizeof(float));
  slot->output = rapt_arena_take(arena, problem->rows * c->value_dim, sizeof(float));
  slot->maximum = rapt_arena_take(arena, RAPT_DECODE_WIDTH, sizeof(float));
  slot->sum = rapt_arena_take(arena, RAPT_DECODE_WIDTH, sizeof(float));
  slot->scores = rapt_arena_take(arena, problem->rows * g->pass_keys, sizeof(float));
  slot->visible = rapt_arena_take(arena, problem->rows * g->key_tile, 1);
  slot->correction = rapt_arena_take(arena, RAPT_DECODE_WIDTH, sizeof(float));
  int64_t rows = reads_in_place(&keys) && reads_in_place(&values) ? 1 : g->key_tile;
  slot->rows = rapt_arena_take(arena, rows * rapt_max(c->head_dim, c->value_dim), sizeof(float));
  slot->biases = rapt_arena_take(arena, g->key_tile, sizeof(float));
}

static void load_queries(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                         const rapt_sdpa_decode_slot *slot) {
  const rapt_sdpa *c = &problem->call;
  const rapt_sdpa_lanes *lanes = slot->lanes;
  for (int64_t r = 0; r < lanes->count; r++) {
    const void *row = rapt_row(&c->query, lanes->batch, lanes->head[r], lanes->query[r]);
    float *to = slot->query + r * c->head_dim;
    if (rapt_sdpa_takes_pairs(kernels, problem)) {
      rapt_read_bf16(row, c->query.stride[3], c->head_dim, (uint16_t *)to);
      continue;
    }
    const float *from = rapt_read_row(kernels, c->query.dtype, row, c->query.stride[3], c->head_dim, to);
    if (from != to) memcpy(to, from, (size_t)c->head_dim * sizeof(float));
  }
}

// Chunk `index` of all: results go to its partials, where there are any.
static void begin_chunk(const rapt_sdpa_problem *problem, const rapt_sdpa_partials *partials, int64_t index,
                        rapt_sdpa_decode_slot *slot) {
  if (partials->output != NULL) {
    slot->maximum = partials->maximum + index * partials->width;
    slot->sum = partials->sum + index * partials->width;
    slot->output = partials->output + index * partials->output_size;
  }
  memset(slot->output, 0, (size_t)(problem->rows * problem->call.value_dim) * sizeof(float));
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

static tile load_tile(const rapt_kernels *kernels, const rapt_kv *kv, const rapt_sdpa_decode_slot *slot,
                      int64_t kv_head, int64_t j, int64_t keys) {
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
static void apply_scales(const rapt_kernels *kernels, const rapt_kv *kv, const rapt_sdpa_decode_slot *slot,
                         int64_t kv_head, int64_t j, int64_t keys, int64_t rows, int64_t stride, int guarded,
                         float *scores) {
  const float *scale = rapt_row(kv->scale, slot->lanes->batch, kv_head, j);
  int64_t step = kv->scale->stride[2];
  if (step == 1 && !guarded) {
    kernels->scale_keys(rows, keys, stride, scale, scores);
    return;
  }
  for (int64_t r = 0; r < rows; r++) {
    float *row = scores + r * stride;
    for (int64_t k = 0; k < keys; k++) row[k] = guarded && row[k] == 0 ? 0 : row[k] * scale[k * step];
  }
}

// Leaving weights of 0 out is slower, and only matters where a masked value is not finite.
static int all_finite(const rapt_kernels *kernels, const rapt_kv *values, const rapt_sdpa_decode_slot *slot,
                      int64_t kv_head, int64_t j, int64_t keys) {
  for (int64_t k = 0; k < keys; k++) {
    const float *row = rapt_read_kv_row(kernels, values, slot->lanes->batch, kv_head, j + k, slot->rows);
    if (!kernels->all_finite(values->depth, row)) return 0;
  }
  return 1;
}

// Asks for the scales of keys j .. j + keys, or more: some 30 lines that nothing else would bring in time. Behind the
// last key that touches nothing. Inline, or the compiler takes a function of prefetches for one that does nothing.
static inline __attribute__((always_inline)) void ask_for_scales(const rapt_kv *kv, const rapt_sdpa_decode_slot *slot,
                                                                 int64_t kv_head, int64_t j, int64_t keys) {
  if (!is_scaled_by_row(kv) || kv->scale->stride[2] != 1) return;
  const char *from = rapt_row(kv->scale, slot->lanes->batch, kv_head, j);
#pragma GCC unroll 1
  for (int64_t b = 0; b < keys * (int64_t)sizeof(float); b += 64) __builtin_prefetch(from + b);
}

// Scores of keys j .. j + keys.
static void score(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *g,
                  const rapt_sdpa_decode_slot *slot, int64_t kv_head, int64_t j, int64_t keys, float *scores) {
  int64_t rows = problem->rows, stride = g->pass_keys, depth = problem->call.head_dim;
  rapt_kv k = rapt_sdpa_keys(problem), v = rapt_sdpa_values(problem);
  tile from = load_tile(kernels, &k, slot, kv_head, j, keys);
  ask_for_scales(&v, slot, kv_head, j, keys);
  ask_for_scales(&k, slot, kv_head, j + keys, g->key_tile);
  (rapt_sdpa_takes_pairs(kernels, problem) ? kernels->dots_pairs : dots_of(kernels, from.dtype))(
      rows, slot->query, depth, keys, from.rows, from.stride, depth, scores, stride);
  if (from.dtype == RAPT_I8) apply_scales(kernels, &k, slot, kv_head, j, keys, rows, stride, 0, scores);
}

// From these scores to weights and on to the output.
static void attend(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *g,
                   const rapt_sdpa_decode_slot *slot, int64_t kv_head, int64_t j, int64_t keys, float *scores) {
  const rapt_sdpa *c = &problem->call;
  int64_t rows = problem->rows, stride = g->pass_keys, tile_keys = g->key_tile;
  rapt_kv v = rapt_sdpa_values(problem);
  int guarded = rapt_sdpa_transform_rows(kernels, problem, slot->lanes, j, keys, stride, scores, slot->biases);
  guarded = guarded && !all_finite(kernels, &v, slot, kv_head, j, keys);
  for (int64_t r = 0; guarded && r < rows; r++) {
    rapt_sdpa_note_visible(keys, scores + r * stride, slot->visible + r * tile_keys);
  }
  kernels->softmax_rows(rows, keys, stride, problem->to_exponent, scores, slot->maximum, slot->sum, slot->correction);
  for (int64_t r = 0; guarded && r < rows; r++) {
    rapt_sdpa_keep_visible(keys, slot->visible + r * tile_keys, scores + r * stride);
  }
  tile from = load_tile(kernels, &v, slot, kv_head, j, keys);
  if (from.dtype == RAPT_I8) apply_scales(kernels, &v, slot, kv_head, j, keys, rows, stride, guarded, scores);
  gather_of(kernels, from.dtype)(rows, scores, stride, keys, from.rows, from.stride, c->value_dim, slot->correction,
                                 slot->output, c->value_dim, guarded);
}

static int64_t tasks_per_unit(const rapt_cpu_sdpa *g) { return rapt_ceil_div(g->splits, g->task_chunks); }

void rapt_sdpa_decode_begin(const rapt_sdpa_job *job) {
  const rapt_cpu_sdpa *g = job->geometry;
  for (int64_t unit = 0; job->partials.tasks_left != NULL && unit < g->units; unit++) {
    atomic_init(&job->partials.tasks_left[unit], (int)tasks_per_unit(g));
  }
}

// Merges what a unit's tasks have left, and writes it.
static void finish_unit(const rapt_sdpa_job *job, const rapt_sdpa_lanes *lanes, int64_t unit) {
  const rapt_sdpa_partials *p = &job->partials;
  int64_t first = unit * job->geometry->splits;
  rapt_sdpa_partials_merge(p, job->problem, RAPT_SDPA_DECODE, first, job->geometry->splits);
  rapt_sdpa_finish(&job->context->kernels, job->problem, lanes, RAPT_SDPA_DECODE, p->maximum + first * p->width,
                   p->sum + first * p->width, p->output + first * p->output_size, NULL);
}

void rapt_sdpa_decode_task(void *argument, int64_t task, int32_t slot_index) {
  const rapt_sdpa_job *job = argument;
  const rapt_cpu_sdpa *g = job->geometry;
  const rapt_sdpa_problem *problem = job->problem;
  const rapt_sdpa *c = &problem->call;
  const rapt_kernels *kernels = &job->context->kernels;
  rapt_arena arena = {.base = job->slots + slot_index * g->slot_scratch};
  rapt_sdpa_decode_slot slot;
  rapt_sdpa_decode_slot_lay(&arena, problem, g, &slot);

  int64_t unit = task / tasks_per_unit(g), split = task % tasks_per_unit(g) * g->task_chunks;
  int64_t kv_head = unit % c->kv_heads;
  rapt_sdpa_lanes *lanes = slot.lanes;
  rapt_sdpa_lanes_fill(problem, unit / c->kv_heads, kv_head, 0, problem->rows, RAPT_DECODE_WIDTH, lanes);
  int64_t first = split * g->chunk, last = first + rapt_min(c->kv_len - first, g->task_chunks * g->chunk);
  rapt_kv keys = rapt_sdpa_keys(problem);
  ask_for_scales(&keys, &slot, kv_head, rapt_max(lanes->low, first), g->key_tile);
  load_queries(kernels, problem, &slot);
  begin_chunk(problem, &job->partials, unit * g->splits + split, &slot);
  for (int64_t pass = first; pass < last; pass += g->pass_keys) {
    int64_t end = pass + rapt_min(last - pass, g->pass_keys);
    // All of the pass's keys, then all of its values: each stream of rows takes its time to get going.
    for (int values = 0; values <= 1; values++) {
      for (int64_t j = pass; j < end; j += g->key_tile) {
        int64_t from = rapt_max(lanes->low, j);
        int64_t to = rapt_min(lanes->high, j + rapt_min(end - j, g->key_tile));
        if (values && j > first && j % g->chunk == 0) {
          begin_chunk(problem, &job->partials, unit * g->splits + ++split, &slot);
        }
        if (from >= to) continue;
        (values ? attend : score)(kernels, problem, g, &slot, kv_head, from, to - from, slot.scores + (j - pass));
      }
    }
  }
  if (g->splits == 1) {
    rapt_sdpa_finish(kernels, problem, lanes, RAPT_SDPA_DECODE, slot.maximum, slot.sum, slot.output, NULL);
  } else if (atomic_fetch_sub(&job->partials.tasks_left[unit], 1) == 1) {
    finish_unit(job, lanes, unit);
  }
}
