// SPDX-License-Identifier: Apache-2.0
// Many queries: FlashAttention-2's loop (Dao 2023) over panels of query rows.
//
// A task has some panels of one (batch, kv head) and goes through the keys tile by tile. Each key tile is brought to L2
// once and used by all panels of the task, and so by all query heads of the group. Scores of a panel are [key][query
// lane], stay in L1 through the softmax, and are then the right operand of the product with V.
#include <string.h>

#include "base/arithmetic.h"
#include "cpu/engine/prefetch.h"
#include "cpu/engine/rows.h"
#include "cpu/sdpa/keys.h"
#include "cpu/sdpa/output.h"
#include "cpu/sdpa/paths.h"
#include "cpu/sdpa/scores.h"
#include "cpu/sdpa/strips.h"

// What is known of a panel's maxima: nothing; that they include some keys that every lane sees; or that they had to
// move again after that.
typedef enum trend { TREND_UNKNOWN, TREND_STEADY, TREND_RISING } trend;

typedef struct panel {
  rapt_sdpa_visibility visibility;
  rapt_softmax state;
  // [head_dim][lane], or pairs of bf16.
  float *query;
  trend trend;
  // Whether it sums in stretches, and the total of those before this one.
  int in_stretches;
  rapt_softmax_total total;
  // Whether the state's output has been written yet, in this stretch, and whether the total has anything.
  int started;
  int has_total;
} panel;

// A worker's scratch.
typedef struct prefill_slot {
  // For rows whose elements are not contiguous: copies of query rows, and output before it is written. First in the
  // slot, because it is all that merge tasks use.
  float *staging;
  // The task's panels, and their packed queries.
  panel *panels;
  float *query;
  rapt_softmax states;
  rapt_softmax_total totals;
  // Copies, [key][head_dim] and [key][value_dim], where the rows cannot be used in place.
  float *keys;
  float *values;
  // The tile's values in strips, where the task uses them.
  float *strips;
  float *scores;
  // A flag per score, see rapt_softmax_step.
  unsigned char *visible;
  float *correction;
  rapt_sdpa_bias_scratch bias;
} prefill_slot;

rapt_softmax rapt_sdpa_prefill_shape(const rapt_cpu_context *context, const rapt_sdpa_problem *problem) {
  int64_t width = context->kernels.panel_width;
  return (rapt_softmax){
      .layout = RAPT_SOFTMAX_PANEL, .width = width, .rows = width, .value_dim = problem->call.value_dim};
}

static float *lay_staging(rapt_arena *arena, const rapt_sdpa_problem *problem) {
  int64_t depth = rapt_max(problem->call.head_dim, problem->call.value_dim);
  return rapt_arena_take(arena, RAPT_MAX_PANEL_WIDTH * depth, sizeof(float));
}

static void lay_slot(rapt_arena *arena, const rapt_cpu_context *context, const rapt_sdpa_problem *problem,
                     const rapt_cpu_sdpa *plan, prefill_slot *slot) {
  const rapt_sdpa *c = &problem->call;
  int64_t width = context->kernels.panel_width, panels = plan->task_panels;
  slot->staging = lay_staging(arena, problem);
  slot->panels = rapt_arena_take(arena, panels, sizeof(panel));
  slot->query = rapt_arena_take(arena, panels * c->head_dim * width + RAPT_PACK_SLACK, sizeof(float));
  slot->states = rapt_sdpa_prefill_shape(context, problem);
  rapt_softmax_lay(arena, panels, &slot->states);
  if (plan->stretch > 0) rapt_softmax_total_lay(arena, panels, &slot->states, &slot->totals);
  slot->keys = rapt_arena_take(arena, plan->key_tile * c->head_dim, sizeof(float));
  slot->values = rapt_arena_take(arena, plan->key_tile * c->value_dim, sizeof(float));
  int strips = rapt_sdpa_uses_strips(&context->kernels, panels, c->value_dim);
  slot->strips = strips ? rapt_arena_take(arena, plan->key_tile * c->value_dim, sizeof(float)) : NULL;
  slot->scores = rapt_arena_take(arena, plan->key_tile * width, sizeof(float));
  slot->visible = rapt_arena_take(arena, plan->key_tile * width, 1);
  slot->correction = rapt_arena_take(arena, width, sizeof(float));
  rapt_sdpa_scores_lay(arena, problem, plan->key_tile, width, &slot->bias);
}

void rapt_sdpa_prefill_scratch(rapt_arena *arena, const rapt_cpu_context *context, const rapt_sdpa_problem *problem,
                               const rapt_cpu_sdpa *plan) {
  prefill_slot unused;
  lay_slot(arena, context, problem, plan, &unused);
}

// What a task works on.
typedef struct prefill_task {
  const rapt_kernels *kernels;
  const rapt_sdpa_problem *problem;
  const rapt_cpu_sdpa *plan;
  prefill_slot slot;
  int64_t batch;
  int64_t kv_head;
  int64_t first_panel;
  int64_t panels;
  int64_t split;
  // Keys of the split.
  int64_t first_key;
  int64_t last_key;
  rapt_kv_source keys;
  rapt_kv_source values;
  // What the steps of the current tile prefetch; NULL where the whole problem fits into a cache.
  rapt_prefetch *prefetch;
  // Whether queries and keys stay bf16, and the 32-bit elements of their rows: floats, or pairs of bf16, an odd last
  // one beside a zero.
  int pairs;
  int64_t score_depth;
  rapt_multiply *multiply;
  rapt_multiply_and_weigh *multiply_and_weigh;
  // Keys, or elements of values, between two prefetch steps.
  int64_t step;
} prefill_task;

// Sets unit, split and panels of task `index`.
static void locate_task(int64_t index, prefill_task *t) {
  const rapt_cpu_sdpa *plan = t->plan;
  const rapt_sdpa *c = &t->problem->call;
  int64_t per_block = plan->units * plan->splits;
  int64_t block = index / per_block, unit = index % per_block / plan->splits;
  if (!plan->first_blocks_first) block = plan->blocks - 1 - block;
  t->split = index % plan->splits;
  t->batch = unit / c->kv_heads;
  t->kv_head = unit % c->kv_heads;
  t->first_panel = block * plan->task_panels;
  t->panels = rapt_min(plan->panels - t->first_panel, plan->task_panels);
  t->first_key = t->split * plan->chunk;
  t->last_key = t->first_key + rapt_min(c->kv_len - t->first_key, plan->chunk);
  t->keys = rapt_sdpa_keys(t->problem, t->batch, t->kv_head);
  t->values = rapt_sdpa_values(t->problem, t->batch, t->kv_head);
}

static void choose_elements(prefill_task *t) {
  int64_t depth = t->problem->call.head_dim;
  t->pairs = rapt_sdpa_takes_pairs(t->kernels, t->problem);
  t->score_depth = t->pairs ? rapt_ceil_div(depth, 2) : depth;
  t->multiply = t->pairs ? t->kernels->multiply_pairs : t->kernels->multiply;
  t->multiply_and_weigh = t->pairs ? t->kernels->multiply_pairs_and_weigh : t->kernels->multiply_and_weigh;
}

static void prefetch_keys(const prefill_task *t, rapt_prefetch *prefetch, int64_t first, int64_t count) {
  rapt_kv_prefetch(&t->keys, first, count, prefetch);
  rapt_kv_prefetch(&t->values, first, count, prefetch);
}

// Adds query or output rows of a task to what is prefetched.
static void prefetch_rows(const prefill_task *t, rapt_prefetch *prefetch, const rapt_tensor *tensor, int64_t depth,
                          int write) {
  int64_t width = t->kernels->panel_width, group = t->problem->group, size = rapt_element_size(tensor->dtype);
  int64_t first = t->first_panel * width / group;
  int64_t last = rapt_ceil_div(rapt_min((t->first_panel + t->panels) * width, t->problem->rows), group);
  if (tensor->stride[3] != 1) return;
  for (int64_t h = 0; h < group; h++) {
    const void *row = rapt_row(tensor, t->batch, t->kv_head * group + h, first);
    rapt_prefetch_add(prefetch, (rapt_prefetch_rows){.first = row,
                                                     .stride = tensor->stride[2] * size,
                                                     .size = depth * size,
                                                     .rows = last - first,
                                                     .write = write});
  }
}

// Prefetches, while a task works on its last keys, its output rows, and the first rows of the task that this worker is
// likely to take next.
static void prefetch_next_task(const prefill_task *t, int64_t index, rapt_prefetch *prefetch) {
  const rapt_sdpa *c = &t->problem->call;
  prefetch_rows(t, prefetch, &c->output, c->value_dim, 1);
  prefill_task next = {.kernels = t->kernels, .problem = t->problem, .plan = t->plan};
  index += t->plan->share.slots;
  if (index >= t->plan->tasks) return;
  locate_task(index, &next);
  rapt_sdpa_visibility first;
  rapt_sdpa_visibility_fill(t->problem, next.batch, next.kv_head, next.first_panel * t->kernels->panel_width, 1, 1,
                            &first);
  int64_t low = rapt_max(first.low, next.first_key);
  prefetch_keys(&next, prefetch, low, rapt_min(t->plan->key_tile, next.last_key - low));
  prefetch_rows(&next, prefetch, &c->query, c->head_dim, 0);
}

static void load_queries(const prefill_task *t, const panel *p) {
  const rapt_tensor *q = &t->problem->call.query;
  const rapt_sdpa_queries *queries = &p->visibility.queries;
  int64_t depth = t->problem->call.head_dim, stride = q->stride[3];
  unsigned char *rows[RAPT_MAX_PANEL_WIDTH];
  const float *from[RAPT_MAX_PANEL_WIDTH] = {0};
  int direct = rapt_is_plain(q->dtype, stride);
  rapt_sdpa_rows_of(q, queries, rows);
  for (int64_t r = 0; r < queries->count; r++) {
    float *staging = t->slot.staging + r * t->score_depth;
    from[r] = direct     ? (const float *)rows[r]
              : t->pairs ? rapt_read_pairs(rows[r], stride, depth, staging)
                         : rapt_read_row(t->kernels, q->dtype, rows[r], stride, depth, staging);
  }
  t->kernels->pack(from, queries->count, t->score_depth, queries->width, p->query);
}

// Whether a panel sees so many keys of its task that it sums them in stretches: more than half a stretch beyond one.
// What it sees decides, and not where its keys lie: a panel of a sliding window would else add to a total wherever its
// keys go past the end of a stretch.
static int is_long(const prefill_task *t, const rapt_sdpa_visibility *visibility) {
  int64_t low = rapt_max(visibility->low, t->first_key), high = rapt_min(visibility->high, t->last_key);
  return t->plan->stretch > 0 && high - low > t->plan->stretch + t->plan->stretch / 2;
}

static void begin_panels(const prefill_task *t) {
  int64_t width = t->kernels->panel_width;
  for (int64_t i = 0; i < t->panels; i++) {
    panel *p = &t->slot.panels[i];
    int64_t row = (t->first_panel + i) * width;
    rapt_sdpa_visibility_fill(t->problem, t->batch, t->kv_head, row, rapt_min(t->problem->rows - row, width), width,
                              &p->visibility);
    p->query = t->slot.query + i * t->score_depth * width;
    load_queries(t, p);
    p->state = rapt_softmax_at(&t->slot.states, i);
    rapt_softmax_begin(&p->state);
    p->started = 0;
    p->in_stretches = is_long(t, &p->visibility);
    p->has_total = 0;
    p->trend = TREND_UNKNOWN;
  }
}

// Keys first .. last and their values.
typedef struct key_tile {
  int64_t first;
  int64_t last;
  const float *keys;
  const float *values;
  // The values in strips, too; NULL where too few panels see the tile.
  const float *strips;
  // Whether all values are finite; -1 = not looked at yet.
  int finite;
} key_tile;

static const float *values_of(const prefill_task *t, const key_tile *tile, int64_t j) {
  return tile->values + (j - tile->first) * t->values.depth;
}

static int rows_are_finite(const prefill_task *t, const key_tile *tile, int64_t from, int64_t to) {
  return t->kernels->all_finite((to - from) * t->values.depth, values_of(t, tile, from));
}

// Whether the values of keys from .. to are finite. Mostly all values of the tile are. Where they are not, only the
// given keys decide: which other keys the tile has depends on the task's other panels, and so on the number of threads.
static int is_finite(const prefill_task *t, key_tile *tile, int64_t from, int64_t to) {
  if (tile->finite < 0) tile->finite = rows_are_finite(t, tile, tile->first, tile->last);
  return tile->finite || rows_are_finite(t, tile, from, to);
}

// While more keys are to come, a maximum is set this far above the highest score, as an exponent of 2: so far that it
// seldom has to move again, and so near that weights lose no precision.
#define HEADROOM 8.0f

// The maxima of a new panel are taken from its first keys, in a step of its own: few keys, because this step is slower
// than the fused one, but so many that later scores seldom exceed the maxima by more than the headroom.
#define FIRST_KEYS 24

// Scores of keys from .. to.
static void score(const prefill_task *t, const panel *p, const key_tile *tile, int64_t from, int64_t to,
                  float *scores) {
  int64_t width = t->kernels->panel_width, depth = t->score_depth;
  const float *keys = tile->keys + (from - tile->first) * depth;
  for (int64_t k = 0, rows; k < to - from; k += rows) {
    // Even steps: a last step of a row or two would leave the FMA units idle.
    rows = rapt_even_step(to - from - k, t->step);
    if (t->prefetch != NULL) rapt_prefetch_step(t->prefetch);
    t->multiply(rows, depth, keys + k * depth, depth, 1, p->query, scores + k * width, width, RAPT_START_ZERO, NULL);
  }
}

// The same, fused with the softmax. Returns how many keys were done before a maximum has to move; *scored further keys
// have scores, but no weights.
static int64_t score_and_weigh(const prefill_task *t, const panel *p, const key_tile *tile, int64_t from, int64_t to,
                               float *scores, int64_t *scored) {
  int64_t width = t->kernels->panel_width, depth = t->score_depth;
  const float *keys = tile->keys + (from - tile->first) * depth;
  for (int64_t k = 0, rows; k < to - from; k += rows) {
    rows = rapt_even_step(to - from - k, t->step);
    if (t->prefetch != NULL) rapt_prefetch_step(t->prefetch);
    int64_t weighed = t->multiply_and_weigh(rows, depth, keys + k * depth, depth, p->query, scores + k * width,
                                            t->problem->to_exponent, p->state.maximum, p->state.sum, scored);
    if (weighed < rows) return k + weighed;
  }
  return to - from;
}

// Turns scores of keys from .. to into weights, under maxima that may move. Returns where the output starts from.
static rapt_start weigh(const prefill_task *t, panel *p, key_tile *tile, int64_t from, int64_t to, int bare,
                        int *guarded) {
  const prefill_slot *slot = &t->slot;
  rapt_sdpa_transform_scores(t->kernels, t->problem, &p->visibility, from, to - from, &slot->bias, slot->scores);
  *guarded = rapt_sdpa_may_hide(t->problem, &p->visibility, from, to - from) && !is_finite(t, tile, from, to);
  float headroom = HEADROOM / t->problem->to_exponent;
  // With a tiny scale the headroom would be so large that scores lose their precision beside it.
  if (!bare || to >= p->visibility.high || headroom > 1e30f) headroom = 0;
  rapt_softmax_step step = {.keys = to - from,
                            .to_exponent = t->problem->to_exponent,
                            .headroom = headroom,
                            .visible = *guarded ? slot->visible : NULL};
  int moved = rapt_softmax_update(t->kernels, &p->state, &step, slot->scores, slot->correction);
  if (bare && (p->trend == TREND_UNKNOWN || !moved)) p->trend = TREND_STEADY;
  return !p->started ? RAPT_START_ZERO : moved ? RAPT_START_SCALED : RAPT_START_C;
}

// Adds the weights of keys from .. to times their values, which are in strips, to the output.
static void add_strips(const prefill_task *t, const panel *p, const key_tile *tile, int64_t from, int64_t to,
                       rapt_start start) {
  int64_t width = t->kernels->panel_width, depth = t->values.depth, keys = tile->last - tile->first;
  for (int64_t d = 0, height; d < depth; d += height) {
    height = rapt_even_step(depth - d, t->kernels->tile_rows);
    if (t->prefetch != NULL) rapt_prefetch_step(t->prefetch);
    const float *strip = rapt_sdpa_strip_at(tile->strips, keys, d, from - tile->first, height);
    t->kernels->multiply_strip(height, to - from, strip, t->slot.scores, p->state.output + d * width, width, start,
                               t->slot.correction);
  }
}

// The same of values as they lie.
static void add_rows(const prefill_task *t, const panel *p, const key_tile *tile, int64_t from, int64_t to, int guarded,
                     rapt_start start) {
  int64_t width = t->kernels->panel_width, depth = t->values.depth;
  const float *values = values_of(t, tile, from);
  rapt_multiply *multiply = guarded ? t->kernels->multiply_guarded : t->kernels->multiply;
  for (int64_t d = 0, rows; d < depth; d += rows) {
    rows = rapt_even_step(depth - d, t->step);
    if (t->prefetch != NULL) rapt_prefetch_step(t->prefetch);
    multiply(rows, to - from, values + d, 1, depth, t->slot.scores, p->state.output + d * width, width, start,
             t->slot.correction);
  }
}

static void add_values(const prefill_task *t, panel *p, const key_tile *tile, int64_t from, int64_t to, int guarded,
                       rapt_start start) {
  if (tile->strips != NULL && !guarded) {
    add_strips(t, p, tile, from, to, start);
  } else {
    add_rows(t, p, tile, from, to, guarded, start);
  }
  p->started = 1;
}

// Keys from .. to of the tile against one panel.
static void attend(const prefill_task *t, panel *p, key_tile *tile, int64_t from, int64_t to) {
  int bare = rapt_sdpa_scores_are_bare(t->problem, &p->visibility, from, to - from);
  int64_t width = t->kernels->panel_width, scored = 0;
  float *scores = t->slot.scores;
  while (from < to) {
    // Keys from .. at have weights by now.
    int64_t at = from;
    rapt_start start = p->started ? RAPT_START_C : RAPT_START_ZERO;
    int guarded = 0;
    if (!bare || p->trend != TREND_STEADY) {
      at = bare && p->trend == TREND_UNKNOWN ? rapt_min(to, from + FIRST_KEYS) : to;
      score(t, p, tile, from + scored, at, scores + scored * width);
      start = weigh(t, p, tile, from, at, bare, &guarded);
      scored = 0;
    }
    if (at < to) {
      at += score_and_weigh(t, p, tile, at, to, scores + (at - from) * width, &scored);
      if (at < to) p->trend = TREND_RISING;
    }
    if (at > from) add_values(t, p, tile, from, at, guarded, start);
    memmove(scores, scores + (at - from) * width, (size_t)(scored * width) * sizeof(float));
    from = at;
  }
}

// Prepares to prefetch what comes after the tile that begins at j: more keys below `last`, or the next task.
static void begin_prefetch(const prefill_task *t, int64_t index, int64_t j, int64_t last, int64_t keys) {
  int64_t next = j + t->plan->key_tile, group = t->kernels->tile_rows;
  rapt_prefetch_clear(t->prefetch);
  if (next < last) {
    prefetch_keys(t, t->prefetch, next, rapt_min(last - next, t->plan->key_tile));
  } else {
    prefetch_next_task(t, index, t->prefetch);
  }
  rapt_prefetch_spread(t->prefetch, t->panels * (rapt_ceil_div(keys, group) + rapt_ceil_div(t->values.depth, group)));
}

// Adds to its total what a panel has of this stretch.
static void end_stretch(const prefill_task *t, int64_t i) {
  panel *p = &t->slot.panels[i];
  if (!p->in_stretches || !p->started) return;
  if (!p->has_total) {
    p->total = rapt_softmax_total_at(&t->slot.totals, &t->slot.states, i);
    rapt_softmax_total_begin(&p->total, &p->state);
  }
  rapt_softmax_total_add(t->kernels, &p->total, &p->state, t->problem->to_exponent);
  p->has_total = 1;
  p->started = 0;
}

static void attend_tiles(const prefill_task *t, int64_t index) {
  int64_t last = 0;
  for (int64_t i = 0; i < t->panels; i++) last = rapt_max(last, t->slot.panels[i].visibility.high);
  last = rapt_min(last, t->last_key);
  for (int64_t j = t->first_key; j < last; j += t->plan->key_tile) {
    int64_t end = rapt_min(last, j + t->plan->key_tile);
    if (t->plan->stretch > 0 && j > t->first_key && (j - t->first_key) % t->plan->stretch == 0) {
      for (int64_t i = 0; i < t->panels; i++) end_stretch(t, i);
    }
    // The keys of this tile that any panel sees, and how many panels see any.
    key_tile tile = {.first = end, .last = j, .finite = -1};
    int64_t panels = 0;
    for (int64_t i = 0; i < t->panels; i++) {
      const rapt_sdpa_visibility *visibility = &t->slot.panels[i].visibility;
      if (visibility->low >= end || visibility->high <= j) continue;
      panels++;
      tile.first = rapt_min(tile.first, rapt_max(visibility->low, j));
      tile.last = rapt_max(tile.last, rapt_min(visibility->high, end));
    }
    if (tile.first >= tile.last) continue;
    tile.keys = t->pairs ? rapt_kv_load_pairs(&t->keys, tile.first, tile.last, t->slot.keys)
                         : rapt_kv_load(t->kernels, &t->keys, tile.first, tile.last, t->slot.keys);
    tile.values = rapt_kv_load(t->kernels, &t->values, tile.first, tile.last, t->slot.values);
    if (t->slot.strips != NULL && panels >= RAPT_SDPA_STRIP_PANELS) {
      rapt_sdpa_strips_fill(t->kernels, tile.values, tile.last - tile.first, t->values.depth, t->slot.strips);
      tile.strips = t->slot.strips;
    }
    if (t->prefetch != NULL) begin_prefetch(t, index, j, last, tile.last - tile.first);
    for (int64_t i = 0; i < t->panels; i++) {
      panel *p = &t->slot.panels[i];
      int64_t from = rapt_max(p->visibility.low, j), to = rapt_min(p->visibility.high, end);
      if (from < to) attend(t, p, &tile, from, to);
    }
  }
}

static void end_panels(const prefill_task *t, const rapt_sdpa_job *job) {
  const rapt_cpu_sdpa *plan = t->plan;
  int64_t unit = t->batch * t->problem->call.kv_heads + t->kv_head;
  for (int64_t i = 0; i < t->panels; i++) {
    const panel *p = &t->slot.panels[i];
    if (p->has_total) {
      end_stretch(t, i);
      rapt_softmax_total_take(&p->total, &p->state);
    } else if (!p->started) {
      rapt_softmax_clear_output(&p->state);
    }
    if (plan->splits == 1) {
      rapt_sdpa_write_results(t->kernels, t->problem, &p->visibility.queries, &p->state, t->slot.staging,
                              t->slot.bias.weights);
      continue;
    }
    int64_t n = (unit * plan->panels + t->first_panel + i) * plan->splits + t->split;
    rapt_softmax partial = rapt_softmax_at(&job->partials.states, n);
    rapt_softmax_copy(&p->state, &partial);
  }
}

void rapt_sdpa_prefill_task(void *argument, int64_t index, int32_t slot) {
  const rapt_sdpa_job *job = argument;
  // Set field by field: zeroing the struct would cost small tasks too much time.
  prefill_task t;
  t.kernels = &job->context->kernels;
  t.problem = job->problem;
  t.plan = job->plan;
  rapt_arena arena = {.base = job->slots + slot * job->plan->slot_scratch};
  lay_slot(&arena, job->context, job->problem, job->plan, &t.slot);
  locate_task(index, &t);
  choose_elements(&t);
  rapt_prefetch prefetch;
  t.prefetch = job->plan->prefetch ? &prefetch : NULL;
  t.step = job->plan->prefetch ? t.kernels->tile_rows : INT64_MAX;
  begin_panels(&t);
  attend_tiles(&t, index);
  end_panels(&t, job);
}

void rapt_sdpa_prefill_merge_task(void *argument, int64_t index, int32_t slot) {
  const rapt_sdpa_job *job = argument;
  const rapt_cpu_sdpa *plan = job->plan;
  const rapt_sdpa_problem *problem = job->problem;
  int64_t width = job->partials.states.width, unit = index / plan->panels, row = index % plan->panels * width;
  int64_t kv_heads = problem->call.kv_heads;
  rapt_arena arena = {.base = job->slots + slot * plan->slot_scratch};
  float *staging = lay_staging(&arena, problem);
  rapt_sdpa_queries queries;
  rapt_sdpa_queries_fill(problem, unit / kv_heads, unit % kv_heads, row, rapt_min(problem->rows - row, width), width,
                         &queries);
  rapt_softmax result = rapt_softmax_at(&job->partials.states, index * plan->splits);
  rapt_softmax_merge(&result, plan->splits, problem->to_exponent);
  rapt_sdpa_write_results(&job->context->kernels, problem, &queries, &result, staging, NULL);
}

void rapt_sdpa_prefill_merge_block(const rapt_sdpa_job *job, int64_t index, int32_t slot) {
  prefill_task t = {.problem = job->problem, .plan = job->plan};
  locate_task(index, &t);
  int64_t first = (t.batch * job->problem->call.kv_heads + t.kv_head) * job->plan->panels + t.first_panel;
  for (int64_t i = 0; i < t.panels; i++) rapt_sdpa_prefill_merge_task((void *)job, first + i, slot);
}
