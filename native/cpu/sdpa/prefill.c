// SPDX-License-Identifier: Apache-2.0
// Many queries: FlashAttention-2's loop (Dao 2023) over panels of query rows.
//
// A task holds some panels of one (batch, kv head) and walks over the keys. Each key tile is brought to L2 once and
// used by all of the task's panels, so by all query heads of the group. Scores of a panel come out as [key][query
// lane], stay in L1 through the softmax, and are then the right operand of the product with V.
#include <string.h>

#include "base/arithmetic.h"
#include "cpu/engine/prefetch.h"
#include "cpu/sdpa/parts.h"

void rapt_sdpa_prefill_slot_lay(rapt_arena *arena, const rapt_cpu_context *context, const rapt_sdpa_problem *problem,
                                const rapt_cpu_sdpa *g, rapt_sdpa_prefill_slot *slot) {
  const rapt_sdpa *c = &problem->call;
  int64_t width = context->kernels.panel_width, panels = g->task_panels;
  int64_t depth = rapt_max(c->head_dim, c->value_dim);
  slot->lanes = rapt_arena_take(arena, panels, sizeof(rapt_sdpa_lanes));
  slot->query = rapt_arena_take(arena, panels * c->head_dim * width + RAPT_PACK_SLACK, sizeof(float));
  slot->output = rapt_arena_take(arena, panels * c->value_dim * width, sizeof(float));
  slot->maximum = rapt_arena_take(arena, panels * width, sizeof(float));
  slot->sum = rapt_arena_take(arena, panels * width, sizeof(float));
  slot->started = rapt_arena_take(arena, panels, 1);
  slot->trend = rapt_arena_take(arena, panels, 1);
  slot->keys = rapt_arena_take(arena, g->key_tile * c->head_dim, sizeof(float));
  slot->values = rapt_arena_take(arena, g->key_tile * c->value_dim, sizeof(float));
  slot->scores = rapt_arena_take(arena, g->key_tile * width, sizeof(float));
  slot->visible = rapt_arena_take(arena, g->key_tile * width, 1);
  slot->correction = rapt_arena_take(arena, width, sizeof(float));
  slot->rows = rapt_arena_take(arena, RAPT_MAX_PANEL_WIDTH * depth, sizeof(float));
  rapt_sdpa_workspace_lay(arena, problem, g->key_tile, width, &slot->room);
}

// One task's view of its scratch.
typedef struct task_state {
  const rapt_kernels *kernels;
  const rapt_sdpa_problem *problem;
  rapt_sdpa_prefill_slot slot;
  int64_t batch;
  int64_t kv_head;
  int64_t first_panel;
  int64_t panels;
  int64_t split;
  // What the steps of the current tile ask for; NULL where the whole problem fits a cache.
  rapt_prefetch *ahead;
  // Whether queries and keys stay bf16, and the 32-bit elements of their rows: floats, or pairs of bf16, an odd last
  // one beside a zero.
  int pairs;
  int64_t score_depth;
} task_state;

static void choose_elements(task_state *s) {
  const rapt_sdpa *c = &s->problem->call;
  s->pairs = rapt_sdpa_takes_pairs(s->kernels, s->problem);
  s->score_depth = s->pairs ? rapt_ceil_div(c->head_dim, 2) : c->head_dim;
}

// Finds out what task t is.
static void locate_task(const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *g, int64_t task, task_state *s) {
  int64_t per_block = g->units * g->splits;
  int64_t block = task / per_block, unit = task % per_block / g->splits;
  if (!g->first_blocks_first) block = g->blocks - 1 - block;
  s->split = task % g->splits;
  s->batch = unit / problem->call.kv_heads;
  s->kv_head = unit % problem->call.kv_heads;
  s->first_panel = block * g->task_panels;
  s->panels = rapt_min(g->panels - s->first_panel, g->task_panels);
}

static int64_t task_keys_begin(const rapt_cpu_sdpa *g, const task_state *s) { return s->split * g->chunk; }

static int64_t task_keys_end(const rapt_cpu_sdpa *g, const task_state *s) {
  return rapt_min(s->problem->call.kv_len, (s->split + 1) * g->chunk);
}

static void ask_for_keys(const task_state *s, rapt_prefetch *ahead, int64_t first, int64_t count) {
  const rapt_sdpa *c = &s->problem->call;
  rapt_prefetch_add(ahead, &c->key, s->batch, s->kv_head, first, count, c->head_dim, 0);
  rapt_prefetch_add(ahead, &c->value, s->batch, s->kv_head, first, count, c->value_dim, 0);
}

// Query or output rows of a task.
static void ask_for_rows(const task_state *s, rapt_prefetch *ahead, const rapt_tensor *t, int64_t depth, int write) {
  int64_t width = s->kernels->panel_width, group = s->problem->group;
  int64_t first = s->first_panel * width, last = rapt_min(first + s->panels * width, s->problem->rows);
  for (int64_t h = 0; h < group; h++) {
    rapt_prefetch_add(ahead, t, s->batch, s->kv_head * group + h, first / group,
                      rapt_ceil_div(last, group) - first / group, depth, write);
  }
}

// While a task is on its last keys: its output, and what the task that this thread will most likely have next begins
// with.
static void ask_for_next_task(const task_state *s, const rapt_cpu_sdpa *g, int64_t task, rapt_prefetch *ahead) {
  const rapt_sdpa *c = &s->problem->call;
  ask_for_rows(s, ahead, &c->output, c->value_dim, 1);
  task_state next = {.kernels = s->kernels, .problem = s->problem};
  task += g->share.slots;
  if (task >= g->tasks) return;
  locate_task(s->problem, g, task, &next);
  rapt_sdpa_lanes first;
  rapt_sdpa_lanes_fill(s->problem, next.batch, next.kv_head, next.first_panel * s->kernels->panel_width, 1, 1, &first);
  int64_t low = rapt_max(first.low, task_keys_begin(g, &next));
  ask_for_keys(&next, ahead, low, rapt_min(g->key_tile, task_keys_end(g, &next) - low));
  ask_for_rows(&next, ahead, &c->query, c->head_dim, 0);
}

// Whether rows of bf16 are pairs as they lie: no row ends within one.
static int are_pairs(const void *first, const rapt_tensor *t, int64_t depth) {
  return t->stride[3] == 1 && depth % 2 == 0 && (uintptr_t)first % sizeof(float) == 0;
}

// A row of bf16 as pairs: where it lies, or as a copy in `near`.
static const float *read_pairs(const task_state *s, const void *row, const rapt_tensor *t, float *near) {
  int64_t depth = s->problem->call.head_dim;
  if (are_pairs(row, t, depth)) return row;
  uint16_t *to = (uint16_t *)near;
  rapt_read_bf16(row, t->stride[3], depth, to);
  if (depth % 2 != 0) to[depth] = 0;
  return near;
}

static void load_queries(const task_state *s, int64_t panel, const rapt_sdpa_lanes *lanes) {
  const rapt_tensor *q = &s->problem->call.query;
  int64_t depth = s->score_depth;
  const float *rows[RAPT_MAX_PANEL_WIDTH] = {0};
  for (int64_t r = 0; r < lanes->count; r++) {
    const void *row = rapt_row(q, lanes->batch, lanes->head[r], lanes->query[r]);
    float *near = s->slot.rows + r * depth;
    rows[r] =
        s->pairs ? read_pairs(s, row, q, near) : rapt_read_row(s->kernels, q->dtype, row, q->stride[3], depth, near);
  }
  s->kernels->pack(rows, lanes->count, depth, lanes->width, s->slot.query + panel * depth * lanes->width);
}

static void begin_panels(task_state *s) {
  int64_t width = s->kernels->panel_width;
  for (int64_t p = 0; p < s->panels; p++) {
    int64_t row = (s->first_panel + p) * width;
    rapt_sdpa_lanes *lanes = &s->slot.lanes[p];
    rapt_sdpa_lanes_fill(s->problem, s->batch, s->kv_head, row, rapt_min(s->problem->rows - row, width), width, lanes);
    load_queries(s, p, lanes);
    for (int64_t r = 0; r < width; r++) {
      s->slot.maximum[p * width + r] = -__builtin_inff();
      s->slot.sum[p * width + r] = 0;
    }
    s->slot.started[p] = 0;
    s->slot.trend[p] = RAPT_SDPA_TREND_UNKNOWN;
  }
}

// Rows j + low .. j + high of K or V, from row j on: where they lie if they lie together as floats, since far-apart
// rows would cost a TLB entry each, again for every panel; otherwise brought together in `near`.
static const float *load_rows(const task_state *s, rapt_kv kv, int64_t j, int64_t low, int64_t high, float *near) {
  const rapt_tensor *t = kv.rows;
  int64_t depth = kv.depth;
  if (t->dtype != RAPT_I8 && t->stride[3] == 1 && t->stride[2] == depth) {
    // One long row.
    if (t->dtype == RAPT_F32) return rapt_row(t, s->batch, s->kv_head, j);
    const void *first = rapt_row(t, s->batch, s->kv_head, j + low);
    rapt_read_row(s->kernels, t->dtype, first, 1, (high - low) * depth, near + low * depth);
    return near;
  }
  for (int64_t i = low; i < high; i++) {
    float *to = near + i * depth;
    const float *from = rapt_read_kv_row(s->kernels, &kv, s->batch, s->kv_head, j + i, to);
    if (from != to) memcpy(to, from, (size_t)depth * sizeof(float));
  }
  return near;
}

// The same for keys that stay bf16.
static const float *load_keys(const task_state *s, int64_t j, int64_t low, int64_t high) {
  const rapt_tensor *t = &s->problem->call.key;
  int64_t depth = s->score_depth;
  if (!s->pairs) return load_rows(s, rapt_sdpa_keys(s->problem), j, low, high, s->slot.keys);
  const void *first = rapt_row(t, s->batch, s->kv_head, j);
  if (are_pairs(first, t, s->problem->call.head_dim) && t->stride[2] == 2 * depth) return first;
  for (int64_t i = low; i < high; i++) {
    float *to = s->slot.keys + i * depth;
    const float *from = read_pairs(s, rapt_row(t, s->batch, s->kv_head, j + i), t, to);
    if (from != to) memcpy(to, from, (size_t)depth * sizeof(float));
  }
  return s->slot.keys;
}

typedef struct key_tile {
  // Row i belongs to key j + i; rows low .. high are there.
  const float *keys;
  const float *values;
  int64_t low;
  int64_t high;
  // Whether all values are finite; -1 = not looked at yet.
  int finite;
} key_tile;

static int rows_are_finite(const task_state *s, const key_tile *tile, int64_t from, int64_t to) {
  int64_t depth = s->problem->call.value_dim;
  return s->kernels->all_finite((to - from) * depth, tile->values + from * depth);
}

// Whether the values of keys from .. to of the tile are finite. All of the tile mostly are; where not, these keys alone
// decide, for which others are there depends on the other panels of the task, and so on the number of threads.
static int is_finite(const task_state *s, key_tile *tile, int64_t from, int64_t to) {
  if (tile->finite < 0) tile->finite = rows_are_finite(s, tile, tile->low, tile->high);
  return tile->finite || rows_are_finite(s, tile, from, to);
}

// How far above the highest score a maximum goes while more keys are to come, as an exponent of 2: far enough that it
// seldom has to move again, and so near that weights lose no precision.
#define HEADROOM 8.0f

// Keys at a time between two steps of what is asked for ahead.
static int64_t step_of(const task_state *s) { return s->ahead != NULL ? s->kernels->tile_rows : INT64_MAX; }

// Keys that show where the maxima of a new panel are: so few that little goes the longer way, and so many that the rest
// seldom exceeds them by more than the headroom.
#define FIRST_KEYS 24

// Scores of keys from .. from + keys of the tile.
static void score(const task_state *s, int64_t p, int64_t from, int64_t keys, const key_tile *tile, float *scores) {
  int64_t width = s->kernels->panel_width, depth = s->score_depth, step = step_of(s);
  for (int64_t k = 0, rows; k < keys; k += rows) {
    // A last step of a row or two would leave the FMA units waiting.
    rows = rapt_even_step(keys - k, step);
    if (s->ahead != NULL) rapt_prefetch_step(s->ahead);
    (s->pairs ? s->kernels->multiply_pairs : s->kernels->multiply)(rows, depth, tile->keys + (from + k) * depth, depth,
                                                                   1, s->slot.query + p * depth * width,
                                                                   scores + k * width, width, RAPT_START_ZERO, NULL);
  }
}

// The same, and the softmax at once. Returns how many keys come before a maximum has to move; of *scored more there
// are scores.
static int64_t score_and_weigh(const task_state *s, int64_t p, int64_t from, int64_t keys, const key_tile *tile,
                               float *scores, int64_t *scored) {
  int64_t width = s->kernels->panel_width, depth = s->score_depth, step = step_of(s);
  for (int64_t k = 0, rows; k < keys; k += rows) {
    rows = rapt_even_step(keys - k, step);
    if (s->ahead != NULL) rapt_prefetch_step(s->ahead);
    int64_t weighed = (s->pairs ? s->kernels->multiply_pairs_and_weigh : s->kernels->multiply_and_weigh)(
        rows, depth, tile->keys + (from + k) * depth, depth, s->slot.query + p * depth * width, scores + k * width,
        s->problem->to_exponent, s->slot.maximum + p * width, s->slot.sum + p * width, scored);
    if (weighed < rows) return k + weighed;
  }
  return keys;
}

// Weights from scores of keys j + from .. j + from + keys, under maxima that may move. Returns where output starts
// from.
static rapt_start weigh(const task_state *s, int64_t p, int64_t j, int64_t from, int64_t keys, int bare, key_tile *tile,
                        int *guarded) {
  const rapt_kernels *kernels = s->kernels;
  const rapt_sdpa_prefill_slot *slot = &s->slot;
  const rapt_sdpa_lanes *lanes = &slot->lanes[p];
  int64_t width = kernels->panel_width;
  int masked = rapt_sdpa_transform_scores(kernels, s->problem, lanes, j + from, keys, slot->scores, &slot->room);
  *guarded = masked && !is_finite(s, tile, from, from + keys);
  if (*guarded) rapt_sdpa_note_visible(keys * width, slot->scores, slot->visible);
  float headroom = HEADROOM / s->problem->to_exponent;
  // Next to a tiny scale it would swallow the scores.
  if (!bare || j + from + keys >= lanes->high || headroom > 1e30f) headroom = 0;
  int moved = kernels->softmax(keys, width, s->problem->to_exponent, headroom, slot->scores, slot->maximum + p * width,
                               slot->sum + p * width, slot->correction);
  if (*guarded) rapt_sdpa_keep_visible(keys * width, slot->visible, slot->scores);
  if (bare && (slot->trend[p] == RAPT_SDPA_TREND_UNKNOWN || !moved)) slot->trend[p] = RAPT_SDPA_TREND_STEADY;
  return !slot->started[p] ? RAPT_START_ZERO : moved ? RAPT_START_SCALED : RAPT_START_C;
}

// Keys from .. to of the tile, whose weights are there, times their values.
static void add_values(const task_state *s, int64_t p, int64_t from, int64_t to, const key_tile *tile, int guarded,
                       rapt_start start) {
  int64_t width = s->kernels->panel_width, depth = s->problem->call.value_dim;
  for (int64_t d = 0, rows; d < depth; d += rows) {
    rows = rapt_even_step(depth - d, step_of(s));
    if (s->ahead != NULL) rapt_prefetch_step(s->ahead);
    (guarded ? s->kernels->multiply_guarded : s->kernels->multiply)(
        rows, to - from, tile->values + from * depth + d, 1, depth, s->slot.scores,
        s->slot.output + (p * depth + d) * width, width, start, s->slot.correction);
  }
  s->slot.started[p] = 1;
}

// Keys j + from .. j + to of the tile against one panel.
static void attend(const task_state *s, int64_t p, int64_t j, int64_t from, int64_t to, key_tile *tile) {
  int bare = rapt_sdpa_scores_are_bare(s->problem, &s->slot.lanes[p], j + from, to - from);
  int64_t width = s->kernels->panel_width, scored = 0;
  unsigned char *trend = &s->slot.trend[p];
  float *scores = s->slot.scores;
  while (from < to) {
    // Keys from .. at have their weights.
    int64_t at = from;
    rapt_start start = RAPT_START_C;
    int guarded = 0;
    if (!bare || *trend != RAPT_SDPA_TREND_STEADY) {
      at = bare && *trend == RAPT_SDPA_TREND_UNKNOWN ? rapt_min(to, from + FIRST_KEYS) : to;
      score(s, p, from + scored, at - from - scored, tile, scores + scored * width);
      start = weigh(s, p, j, from, at - from, bare, tile, &guarded);
      scored = 0;
    }
    if (at < to) {
      at += score_and_weigh(s, p, at, to - at, tile, scores + (at - from) * width, &scored);
      if (at < to) *trend = RAPT_SDPA_TREND_RISING;
    }
    if (at > from) add_values(s, p, from, at, tile, guarded, start);
    memmove(scores, scores + (at - from) * width, (size_t)(scored * width) * sizeof(float));
    from = at;
  }
}

static void walk_keys(const task_state *s, const rapt_cpu_sdpa *g, int64_t task) {
  const rapt_sdpa *c = &s->problem->call;
  int64_t first_key = task_keys_begin(g, s), last_key = 0;
  for (int64_t p = 0; p < s->panels; p++) last_key = rapt_max(last_key, s->slot.lanes[p].high);
  last_key = rapt_min(last_key, task_keys_end(g, s));
  for (int64_t j = first_key; j < last_key; j += g->key_tile) {
    int64_t end = rapt_min(last_key - j, g->key_tile);
    // What of this tile any panel sees.
    int64_t low = end, high = 0;
    for (int64_t p = 0; p < s->panels; p++) {
      const rapt_sdpa_lanes *lanes = &s->slot.lanes[p];
      if (lanes->low >= j + end || lanes->high <= j) continue;
      if (lanes->low - j < low) low = lanes->low - j;
      if (lanes->high - j > high) high = lanes->high - j;
    }
    if (low >= high) continue;
    if (high > end) high = end;
    low = rapt_max(low, 0);
    key_tile tile = {.keys = load_keys(s, j, low, high),
                     .values = load_rows(s, rapt_sdpa_values(s->problem), j, low, high, s->slot.values),
                     .low = low,
                     .high = high,
                     .finite = -1};
    if (s->ahead != NULL) {
      int64_t next = j + g->key_tile, group = s->kernels->tile_rows;
      rapt_prefetch_clear(s->ahead);
      if (next < last_key) {
        ask_for_keys(s, s->ahead, next, rapt_min(last_key - next, g->key_tile));
      } else {
        ask_for_next_task(s, g, task, s->ahead);
      }
      rapt_prefetch_spread(s->ahead,
                           s->panels * (rapt_ceil_div(high - low, group) + rapt_ceil_div(c->value_dim, group)));
    }
    for (int64_t p = 0; p < s->panels; p++) {
      const rapt_sdpa_lanes *lanes = &s->slot.lanes[p];
      int64_t from = rapt_max(lanes->low - j, 0);
      int64_t to = rapt_min(lanes->high - j, end);
      if (from < to) attend(s, p, j, from, to, &tile);
    }
  }
}

static void end_panels(const task_state *s, const rapt_sdpa_job *job) {
  const rapt_cpu_sdpa *g = job->geometry;
  int64_t width = s->kernels->panel_width, size = s->problem->call.value_dim * width;
  for (int64_t p = 0; p < s->panels; p++) {
    float *output = s->slot.output + p * size;
    const float *maximum = s->slot.maximum + p * width, *sum = s->slot.sum + p * width;
    if (!s->slot.started[p]) memset(output, 0, (size_t)size * sizeof(float));
    if (g->splits == 1) {
      rapt_sdpa_finish(s->kernels, s->problem, &s->slot.lanes[p], RAPT_SDPA_PREFILL, maximum, sum, output,
                       s->slot.rows);
      continue;
    }
    int64_t unit = s->batch * s->problem->call.kv_heads + s->kv_head;
    int64_t at = (unit * g->panels + s->first_panel + p) * g->splits + s->split;
    memcpy(job->partials.maximum + at * width, maximum, (size_t)width * sizeof(float));
    memcpy(job->partials.sum + at * width, sum, (size_t)width * sizeof(float));
    memcpy(job->partials.output + at * size, output, (size_t)size * sizeof(float));
  }
}

void rapt_sdpa_prefill_task(void *argument, int64_t task, int32_t slot) {
  const rapt_sdpa_job *job = argument;
  const rapt_cpu_sdpa *g = job->geometry;
  task_state s = {.kernels = &job->context->kernels, .problem = job->problem};
  rapt_arena arena = {.base = job->slots + slot * g->slot_scratch};
  rapt_sdpa_prefill_slot_lay(&arena, job->context, job->problem, g, &s.slot);

  locate_task(job->problem, g, task, &s);
  choose_elements(&s);
  rapt_prefetch ahead;
  if (g->ahead) s.ahead = &ahead;
  begin_panels(&s);
  walk_keys(&s, g, task);
  end_panels(&s, job);
}
