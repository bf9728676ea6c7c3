// SPDX-License-Identifier: Apache-2.0
// Few queries: every byte of K and V is read once, in place, for the whole group. The keys are split into chunks, which
// are tasks of their own (Flash-Decoding), and their partial results are merged afterwards.
#include <string.h>

#include "base/arithmetic.h"
#include "cpu/engine/rows.h"
#include "cpu/sdpa/keys.h"
#include "cpu/sdpa/output.h"
#include "cpu/sdpa/paths.h"
#include "cpu/sdpa/quarters.h"
#include "cpu/sdpa/scores.h"

// A worker's scratch.
typedef struct decode_slot {
  rapt_sdpa_visibility *visibility;
  // [row][head_dim]
  float *query;
  // The state of a chunk, where there are no partial results.
  rapt_softmax state;
  // The total of the stretches before this one.
  rapt_softmax_total total;
  // [row][key], of a pass
  float *scores;
  // A flag per score of a tile, see rapt_softmax_step.
  unsigned char *visible;
  float *correction;
  // Keys or values copied: a tile, widened, where the kernels do not read them in place; a gather block of paged ones;
  // else one row.
  float *rows;
  // A row of biases.
  float *biases;
} decode_slot;

// What a task works with.
typedef struct decode_task {
  const rapt_kernels *kernels;
  const rapt_sdpa_problem *problem;
  const rapt_cpu_sdpa *plan;
  const rapt_sdpa_visibility *visibility;
  rapt_kv_source keys;
  rapt_kv_source values;
  rapt_dots *dots;
  rapt_gather *gather;
  // Taken where they are not NULL.
  rapt_dots_quarters *dots_quarters;
  rapt_gather_quarters *gather_quarters;
  const decode_slot *slot;
  // The state of the current chunk: the slot's, or the partial one.
  const rapt_softmax *state;
  rapt_softmax partial;
} decode_task;

// Whether the kernels read these rows in place. A scale per row is applied to scores or weights instead of the row.
static int is_scaled_by_row(const rapt_kv_source *source) { return source->dtype == RAPT_I8 && source->groups == 1; }
static int reads_in_place(const rapt_kv_source *source) { return source->dtype != RAPT_I8 || is_scaled_by_row(source); }

rapt_softmax rapt_sdpa_decode_shape(const rapt_sdpa_problem *problem) {
  return (rapt_softmax){.layout = RAPT_SOFTMAX_ROWS,
                        .width = RAPT_DECODE_WIDTH,
                        .rows = problem->rows,
                        .value_dim = problem->call.value_dim};
}

static void lay_slot(rapt_arena *arena, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *plan,
                     decode_slot *slot) {
  const rapt_sdpa *c = &problem->call;
  const rapt_kv_source keys = rapt_sdpa_keys(problem, 0, 0), values = rapt_sdpa_values(problem, 0, 0);
  slot->visibility = rapt_arena_take(arena, 1, sizeof(rapt_sdpa_visibility));
  slot->query = rapt_arena_take(arena, problem->rows * c->head_dim, sizeof(float));
  slot->state = rapt_sdpa_decode_shape(problem);
  rapt_softmax_lay(arena, 1, &slot->state);
  if (plan->stretch > 0) rapt_softmax_total_lay(arena, 1, &slot->state, &slot->total);
  slot->scores = rapt_arena_take(arena, problem->rows * plan->score_stride, sizeof(float));
  slot->visible = rapt_arena_take(arena, problem->rows * plan->key_tile, 1);
  slot->correction = rapt_arena_take(arena, RAPT_DECODE_WIDTH, sizeof(float));
  int64_t rows = !reads_in_place(&keys) || !reads_in_place(&values) ? plan->key_tile
                 : values.table != NULL                             ? rapt_gather_keys(c->value_dim)
                                                                    : 1;
  slot->rows = rapt_arena_take(arena, rows * rapt_max(c->head_dim, c->value_dim), sizeof(float));
  slot->biases = rapt_arena_take(arena, plan->key_tile, sizeof(float));
}

void rapt_sdpa_decode_scratch(rapt_arena *arena, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *plan) {
  decode_slot unused;
  lay_slot(arena, problem, plan, &unused);
}

static rapt_dots *dots_of(const rapt_decode_kernels *kernels, const rapt_kv_source *keys) {
  if (!reads_in_place(keys)) return kernels->dots_f32;
  switch (keys->dtype) {
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

static rapt_gather *gather_of(const rapt_decode_kernels *kernels, const rapt_kv_source *values) {
  if (!reads_in_place(values)) return kernels->gather_f32;
  switch (values->dtype) {
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

// Chooses the kernel for the dot products and loads the queries as it takes them.
static void load_queries(decode_task *t, const rapt_decode_kernels *kernels) {
  const rapt_sdpa *c = &t->problem->call;
  const rapt_sdpa_queries *queries = &t->visibility->queries;
  int pairs = rapt_sdpa_takes_pairs(t->kernels, t->problem);
  t->dots = pairs ? kernels->dots_pairs : dots_of(kernels, &t->keys);
  for (int64_t r = 0; r < queries->count; r++) {
    const void *row = rapt_sdpa_row_of(&c->query, queries, r);
    float *to = t->slot->query + r * c->head_dim;
    if (pairs) {
      rapt_read_bf16(row, c->query.stride[3], c->head_dim, (uint16_t *)to);
      continue;
    }
    const float *from = rapt_read_row(t->kernels, c->query.dtype, row, c->query.stride[3], c->head_dim, to);
    if (from != to) memcpy(to, from, (size_t)c->head_dim * sizeof(float));
  }
}

// Begins chunk `index` of all chunks, whose results go to its partial state where there is one.
static void begin_chunk(decode_task *t, const rapt_sdpa_partials *partials, int64_t index) {
  t->state = &t->slot->state;
  if (t->plan->splits > 1) {
    t->partial = rapt_softmax_at(&partials->states, index);
    t->state = &t->partial;
  }
  rapt_softmax_begin(t->state);
  rapt_softmax_clear_output(t->state);
}

// Rows of K or V as a decode kernel takes them.
typedef struct kernel_rows {
  const void *rows;
  int64_t stride;
} kernel_rows;

// load_rows of what is not one run in place: rows that are widened, or whole blocks of rows. A block that goes on in
// another run is copied.
static __attribute__((noinline)) kernel_rows load_blocks(const decode_task *t, const rapt_kv_source *source,
                                                         rapt_kv_run run, int64_t j, int64_t to, int64_t block,
                                                         int64_t *count) {
  int64_t all = to - j;
  if (!reads_in_place(source)) {
    for (*count = 0;; run = rapt_kv_run_at(source, j + *count, all - *count)) {
      rapt_kv_read_rows(t->kernels, source, &run, t->slot->rows + *count * source->depth);
      *count += run.count;
      if (*count == all) return (kernel_rows){t->slot->rows, source->depth};
    }
  }
  *count = run.count - run.count % block;
  if (*count > 0) return (kernel_rows){run.rows, run.stride};
  *count = rapt_min(all, block);
  rapt_kv_copy_rows(source, j, j + *count, t->slot->rows);
  return (kernel_rows){t->slot->rows, source->depth};
}

// Loads rows of keys j and further ones below `to`. What a kernel sums goes by blocks of so many keys, counted from the
// first; so all rows are loaded, or whole blocks of them.
static inline kernel_rows load_rows(const decode_task *t, const rapt_kv_source *source, int64_t j, int64_t to,
                                    int64_t block, int64_t *count) {
  rapt_kv_run run = rapt_kv_run_at(source, j, to - j);
  *count = run.count;
  if (run.count == to - j && reads_in_place(source)) return (kernel_rows){run.rows, run.stride};
  return load_blocks(t, source, run, j, to, block, count);
}

// Multiplies scores or weights of keys j .. j + count by the scales of these keys, where each has one. With guarded,
// zeros stay zero whatever the scale.
static void apply_scales(const decode_task *t, const rapt_kv_source *source, int64_t j, int64_t count, int guarded,
                         float *scores) {
  int64_t rows = t->problem->rows, stride = t->plan->score_stride;
  if (!is_scaled_by_row(source)) return;
  for (int64_t last = j + count; j < last;) {
    rapt_kv_run run = rapt_kv_run_at(source, j, last - j);
    if (run.scale_stride == 1 && !guarded) {
      t->kernels->scale_keys(rows, run.count, stride, run.scale, scores);
    } else {
      for (int64_t r = 0; r < rows; r++) {
        float *row = scores + r * stride;
        for (int64_t k = 0; k < run.count; k++) {
          row[k] = guarded && row[k] == 0 ? 0 : row[k] * run.scale[k * run.scale_stride];
        }
      }
    }
    j += run.count;
    scores += run.count;
  }
}

// Whether the values of keys from .. to are finite. If not, terms of weight 0 must be left out, which is slower.
static int all_finite(const decode_task *t, int64_t from, int64_t to) {
  for (int64_t j = from; j < to;) {
    rapt_kv_run run = rapt_kv_run_at(&t->values, j, to - j);
    for (int64_t i = 0; i < run.count; i++) {
      const float *row = rapt_kv_read_row(t->kernels, &t->values, &run, i, t->slot->rows);
      if (!t->kernels->all_finite(t->values.depth, row)) return 0;
    }
    j += run.count;
  }
  return 1;
}

// Prefetches the scales of keys j .. j + keys, if there are any: some 30 cache lines, which no other prefetch covers.
// Inline, because the compiler drops calls of a function that only prefetches.
static inline __attribute__((always_inline)) void prefetch_scales(const rapt_kv_source *source, int64_t j,
                                                                  int64_t keys) {
  if (!is_scaled_by_row(source) || source->scale->stride[2] != 1) return;
  for (int64_t last = rapt_min(j + keys, source->length); j < last;) {
    rapt_kv_run run = rapt_kv_run_at(source, j, last - j);
    const char *from = (const char *)run.scale;
#pragma GCC unroll 1
    for (int64_t b = 0; b < run.count * (int64_t)sizeof(float); b += 64) __builtin_prefetch(from + b);
    j += run.count;
  }
}

// Scores of keys from .. from + RAPT_QUARTERS * apart, a key of each quarter at a time.
static void score_quarters(const decode_task *t, int64_t from, int64_t apart, float *scores) {
  int64_t depth = t->problem->call.head_dim;
  // Field by field, because the addresses need not be zeroed.
  rapt_key_quarters q;
  q.rows = t->problem->rows;
  q.queries = t->slot->query;
  q.query_stride = q.depth = depth;
  q.scores = scores;
  q.score_stride = t->plan->score_stride;
  rapt_sdpa_dots_in_place(t->dots_quarters, &t->keys, from, apart, &q);
}

// Scores of keys from .. to.
static void score(const decode_task *t, int64_t from, int64_t to, float *scores) {
  int64_t depth = t->problem->call.head_dim, tile = t->plan->key_tile;
  prefetch_scales(&t->values, from, to - from);
  prefetch_scales(&t->keys, to, t->plan->key_tile);
  for (int64_t j = from, count; j < to; j += count) {
    // The kernels' blocks of keys, which order the sums, end where a tile does.
    int64_t end = j % RAPT_SCORE_MULTIPLE == 0 ? to : rapt_min(to, j + tile - j % tile);
    int64_t apart = t->dots_quarters != NULL ? (end - j) / RAPT_QUARTERS : 0;
    if (apart > 0) {
      score_quarters(t, j, apart, scores + (j - from));
      count = apart * RAPT_QUARTERS;
      continue;
    }
    kernel_rows keys = load_rows(t, &t->keys, j, end, RAPT_DOT_KEYS, &count);
    t->dots(t->problem->rows, t->slot->query, depth, count, keys.rows, keys.stride, depth, scores + (j - from),
            t->plan->score_stride);
  }
  apply_scales(t, &t->keys, from, to - from, 0, scores);
}

// Scores of the visible keys of a pass, those of each tile where the tile has its place. Keys that are read in place
// are scored in one call, which may read them in streams far apart; a tile whose first keys are hidden is a call of its
// own, because its scores begin where the tile does.
static void score_pass(const decode_task *t, int64_t pass, int64_t end) {
  int64_t tile = t->plan->key_tile, high = rapt_min(t->visibility->high, end);
  int whole = reads_in_place(&t->keys) && !is_scaled_by_row(&t->keys);
  for (int64_t j = pass, next; j < high; j = next) {
    int64_t from = rapt_max(t->visibility->low, j);
    next = whole && from == j ? end : j + tile;
    int64_t to = rapt_min(high, next);
    if (from < to) score(t, from, to, t->slot->scores + (j - pass));
  }
}

// Adds the values of keys from .. to, block by block.
static void gather_blocks(const decode_task *t, int64_t from, int64_t to, const float *weights, int guarded) {
  static const float ones[RAPT_DECODE_WIDTH] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  int64_t depth = t->values.depth;
  for (int64_t j = from, count; j < to; j += count) {
    kernel_rows values = load_rows(t, &t->values, j, to, rapt_gather_keys(depth), &count);
    t->gather(t->problem->rows, weights + (j - from), t->plan->score_stride, count, values.rows, values.stride, depth,
              j == from ? t->slot->correction : ones, t->state->output, depth, guarded);
  }
}

// The same, a key of each quarter at a time.
static void gather_quarters(const decode_task *t, int64_t from, int64_t to, const float *weights, int guarded) {
  int64_t depth = t->values.depth;
  // Field by field, because the addresses need not be zeroed.
  rapt_quarters q;
  q.rows = t->problem->rows;
  q.depth = depth;
  q.weights = weights;
  q.weight_stride = t->plan->score_stride;
  q.correction = t->slot->correction;
  q.out = t->state->output;
  q.out_stride = depth;
  q.guarded = guarded;
  if (reads_in_place(&t->values)) {
    rapt_sdpa_gather_in_place(t->gather_quarters, &t->values, from, to, &q);
  } else {
    int64_t count;
    kernel_rows values = load_rows(t, &t->values, from, to, 1, &count);
    rapt_sdpa_gather_floats(t->gather_quarters, values.rows, count, &q);
  }
}

// Turns the scores of keys from .. to into weights, and adds the weighted values to the output.
static void attend(const decode_task *t, int64_t from, int64_t to, float *scores) {
  int64_t stride = t->plan->score_stride;
  rapt_sdpa_transform_rows(t->kernels, t->problem, t->visibility, from, to - from, stride, t->slot->biases, scores);
  int guarded = rapt_sdpa_may_hide(t->problem, t->visibility, from, to - from) && !all_finite(t, from, to);
  rapt_softmax_step step = {.keys = to - from,
                            .stride = stride,
                            .to_exponent = t->problem->to_exponent,
                            .visible = guarded ? t->slot->visible : NULL};
  rapt_softmax_update(t->kernels, t->state, &step, scores, t->slot->correction);
  apply_scales(t, &t->values, from, to - from, guarded, scores);
  if (t->gather_quarters != NULL) {
    gather_quarters(t, from, to, scores, guarded);
  } else {
    gather_blocks(t, from, to, scores, guarded);
  }
}

static int64_t tasks_per_unit(const rapt_cpu_sdpa *plan) { return rapt_ceil_div(plan->splits, plan->task_chunks); }

void rapt_sdpa_decode_begin(const rapt_sdpa_job *job) {
  const rapt_cpu_sdpa *plan = job->plan;
  for (int64_t unit = 0; job->partials.tasks_left != NULL && unit < plan->units; unit++) {
    atomic_init(&job->partials.tasks_left[unit], (int)tasks_per_unit(plan));
  }
}

// Whether a stretch ends before the key of this number in its chunk.
static int ends_stretch(const rapt_cpu_sdpa *plan, int64_t key) {
  return plan->stretch > 0 && key > 0 && key % plan->stretch == 0;
}

// Adds to the total what the state has of this stretch. Chunks that have stretches are tasks of their own.
static void end_stretch(const decode_task *t, int64_t number) {
  if (number == 0) rapt_softmax_total_begin(&t->slot->total, t->state);
  rapt_softmax_total_add(t->kernels, &t->slot->total, t->state, t->problem->to_exponent);
  rapt_softmax_clear_output(t->state);
}

// Attends to keys first .. last, which are chunk `chunk` and those after it.
static void attend_chunks(decode_task *t, const rapt_sdpa_partials *partials, int64_t chunk, int64_t first,
                          int64_t last) {
  const rapt_cpu_sdpa *plan = t->plan;
  int64_t stretches = 0;
  begin_chunk(t, partials, chunk);
  for (int64_t pass = first; pass < last; pass += plan->pass_keys) {
    int64_t end = pass + rapt_min(last - pass, plan->pass_keys);
    // All keys of the pass, then all its values: each switch between the two streams of rows costs time.
    score_pass(t, pass, end);
    for (int64_t j = pass; j < end; j += plan->key_tile) {
      int64_t from = rapt_max(t->visibility->low, j);
      int64_t to = rapt_min(t->visibility->high, j + rapt_min(end - j, plan->key_tile));
      if (j > first && j % plan->chunk == 0) begin_chunk(t, partials, ++chunk);
      if (ends_stretch(plan, j % plan->chunk)) end_stretch(t, stretches++);
      if (from < to) attend(t, from, to, t->slot->scores + (j - pass));
    }
  }
  if (stretches == 0) return;
  end_stretch(t, stretches);
  rapt_softmax_total_take(&t->slot->total, t->state);
}

// Writes a unit's results. With splits the task of the unit that ends last does so, after merging all partial results.
static void end_task(const decode_task *t, const rapt_sdpa_job *job, int64_t unit) {
  const rapt_sdpa_queries *queries = &t->visibility->queries;
  if (t->plan->splits == 1) {
    rapt_sdpa_write_results(t->kernels, t->problem, queries, t->state, NULL, NULL);
  } else if (atomic_fetch_sub(&job->partials.tasks_left[unit], 1) == 1) {
    rapt_softmax result = rapt_softmax_at(&job->partials.states, unit * t->plan->splits);
    rapt_softmax_merge(&result, t->plan->splits, t->problem->to_exponent);
    rapt_sdpa_write_results(t->kernels, t->problem, queries, &result, NULL, NULL);
  }
}

void rapt_sdpa_decode_task(void *argument, int64_t task, int32_t slot_number) {
  const rapt_sdpa_job *job = argument;
  const rapt_cpu_sdpa *plan = job->plan;
  const rapt_sdpa_problem *problem = job->problem;
  const rapt_sdpa *c = &problem->call;
  int64_t unit = task / tasks_per_unit(plan), split = task % tasks_per_unit(plan) * plan->task_chunks;
  int64_t batch = unit / c->kv_heads, kv_head = unit % c->kv_heads;
  rapt_arena arena = {.base = job->slots + slot_number * plan->slot_scratch};
  decode_slot slot;
  lay_slot(&arena, problem, plan, &slot);
  rapt_sdpa_visibility_fill(problem, batch, kv_head, 0, problem->rows, RAPT_DECODE_WIDTH, slot.visibility);
  // Set field by field: zeroing the struct would take a tenth of a tiny call's time.
  decode_task t;
  t.kernels = &job->context->kernels;
  t.problem = problem;
  t.plan = plan;
  t.visibility = slot.visibility;
  t.keys = rapt_sdpa_keys(problem, batch, kv_head);
  t.values = rapt_sdpa_values(problem, batch, kv_head);
  t.gather = gather_of(&t.kernels->decode[job->readings.values], &t.values);
  int32_t value_type = reads_in_place(&t.values) ? t.values.dtype : RAPT_F32;
  t.gather_quarters = rapt_sdpa_gather_quarters_of(t.kernels, value_type);
  // Keys that are one run are read in streams as they are.
  int quarters = t.keys.table != NULL && reads_in_place(&t.keys);
  t.dots_quarters = quarters ? rapt_sdpa_dots_quarters_of(t.kernels, t.keys.dtype) : NULL;
  t.slot = &slot;

  int64_t first = split * plan->chunk, last = first + rapt_min(c->kv_len - first, plan->task_chunks * plan->chunk);
  prefetch_scales(&t.keys, rapt_max(t.visibility->low, first), plan->key_tile);
  load_queries(&t, &t.kernels->decode[job->readings.keys]);
  attend_chunks(&t, &job->partials, unit * plan->splits + split, first, last);
  end_task(&t, job, unit);
}
