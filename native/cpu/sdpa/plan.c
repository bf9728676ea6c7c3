// SPDX-License-Identifier: Apache-2.0
// The one pure function that decides how attention runs: path, tiles, splits, tasks and scratch.
#include <inttypes.h>
#include <stdio.h>

#include "base/arithmetic.h"
#include "cpu/sdpa/parts.h"
#include "cpu/sdpa/sdpa.h"

// Bytes of K that one tile may take: with the query and output panels of a task it has to stay in L2.
#define KEY_TILE_BYTES (192 * 1024)
#define MOST_KEYS_PER_TILE 192
// Keys per tile of the decode path: many, because K and V are read in turns and each turn has to get going, but no more
// scores than L1 holds beside them.
#define DECODE_SCORES 2048
#define MOST_DECODE_KEYS 512
#define LEAST_DECODE_KEYS 128
// Scores of the keys that are read before their values, and the most such keys: a stream of K or V takes a third of a
// microsecond to get going.
#define PASS_SCORES 16384
#define MOST_PASS_KEYS 4096
// Tasks that keep the threads evenly busy to the end, and panels that a task does not go below: fewer would bring K and
// V to L2 for too little work.
#define TASKS_PER_THREAD 4
#define LEAST_PANELS 4
// Bytes of query, key, value and output from which memory is prefetched: half of a common last cache.
#define PREFETCH_LEAST_BYTES (16 * 1024 * 1024)
// Query and output panels that one task keeps in L2, in bytes: more panels read K and V less often.
#define TASK_BYTES (512 * 1024)
// Keys from which few query rows are split over K/V, the smallest chunk, and the most chunks. Sixteen keep every core
// of a large machine busy at a few kv heads, and bound the partial results.
#define SPLIT_ROWS 128
#define SPLIT_KEYS 1024
#define LEAST_CHUNK 512
#define MOST_SPLITS 16

static void choose_tiles(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, rapt_cpu_sdpa *g) {
  const rapt_sdpa *c = &problem->call;
  int64_t depth = rapt_max(c->head_dim, c->value_dim);
  // Vectors of the decode kernels run along the head dimension, and the weights output is written by panels.
  int few = problem->rows <= RAPT_DECODE_WIDTH && !rapt_is_present(&c->weights) && c->key.stride[3] == 1 &&
            c->value.stride[3] == 1;
  g->path = few ? RAPT_SDPA_DECODE : RAPT_SDPA_PREFILL;
  if (few) {
    g->key_tile = MOST_DECODE_KEYS;
    while (g->key_tile > LEAST_DECODE_KEYS && g->key_tile * problem->rows > DECODE_SCORES) g->key_tile /= 2;
    g->pass_keys = g->key_tile;
    while (g->pass_keys < MOST_PASS_KEYS && g->pass_keys * problem->rows < PASS_SCORES) g->pass_keys *= 2;
  } else {
    int64_t rows = context->kernels.tile_rows;
    int64_t keys = rapt_min(MOST_KEYS_PER_TILE, KEY_TILE_BYTES / (depth * (int64_t)sizeof(float)));
    g->key_tile = rapt_max(keys / rows, 1) * rows;
  }
  g->splits = 1;
  g->chunk = rapt_ceil_div(rapt_max(c->kv_len, 1), g->key_tile) * g->key_tile;
  if (problem->rows <= SPLIT_ROWS && c->kv_len >= SPLIT_KEYS && !rapt_is_present(&c->weights)) {
    int64_t keys = rapt_max(LEAST_CHUNK, rapt_ceil_div(c->kv_len, MOST_SPLITS));
    g->chunk = rapt_ceil_div(keys, g->key_tile) * g->key_tile;
    g->splits = rapt_ceil_div(c->kv_len, g->chunk);
  }
}

// Whether equal tasks leave threads idle for more than a sixteenth of the time: nine keep two threads busy for ten.
static int is_uneven(int64_t tasks, int64_t threads) {
  return rapt_ceil_div(tasks, threads) * threads - tasks > tasks / 16;
}

static int64_t visible_keys(const rapt_sdpa_problem *problem, int64_t row) {
  rapt_sdpa_lanes lanes;
  rapt_sdpa_lanes_fill(problem, 0, 0, row, 1, 1, &lanes);
  return lanes.high - lanes.low;
}

// As many chunks per task as one pass covers, but tasks enough for all threads.
static void choose_task_chunks(int64_t threads, rapt_cpu_sdpa *g) {
  int64_t most = g->units * g->splits / (TASKS_PER_THREAD * threads);
  g->task_chunks = rapt_clamp(rapt_min(g->pass_keys / g->chunk, most), 1, g->splits);
  g->tasks = g->units * rapt_ceil_div(g->splits, g->task_chunks);
}

static void choose_tasks(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, rapt_cpu_sdpa *g) {
  const rapt_sdpa *c = &problem->call;
  int64_t width = context->kernels.panel_width;
  g->panels = g->path == RAPT_SDPA_DECODE ? 1 : rapt_ceil_div(problem->rows, width);
  int64_t panel_bytes = (c->head_dim + c->value_dim) * width * (int64_t)sizeof(float);
  g->task_panels = rapt_min(g->panels, rapt_max(1, TASK_BYTES / panel_bytes));
  g->blocks = rapt_ceil_div(g->panels, g->task_panels);
  if (context->threads > 1) {
    int64_t most = rapt_ceil_div(g->panels, rapt_min(g->task_panels, LEAST_PANELS));
    int64_t wanted = rapt_ceil_div(TASKS_PER_THREAD * (int64_t)context->threads, g->units * g->splits);
    g->blocks = rapt_max(g->blocks, rapt_min(wanted, most));
    while (g->blocks < most && is_uneven(g->units * g->splits * g->blocks, context->threads)) g->blocks++;
  }
  g->task_panels = rapt_ceil_div(g->panels, g->blocks);
  g->blocks = rapt_ceil_div(g->panels, g->task_panels);
  // A plan reads no positions: with them the last blocks go first, as causality has it.
  g->first_blocks_first = g->blocks > 1 && !rapt_is_present(&c->positions) &&
                          visible_keys(problem, 0) > visible_keys(problem, problem->rows - 1);
  g->tasks = g->units * g->splits * g->blocks;
  if (g->path == RAPT_SDPA_DECODE) choose_task_chunks(context->threads, g);
  // In double: sizes are bounded one by one, not their product.
  double work = (double)g->units * (double)problem->rows * (double)c->kv_len * (double)(c->head_dim + c->value_dim);
  double size = (double)rapt_element_size(c->query.dtype);
  double bytes = (double)g->units * size * (double)(c->head_dim + c->value_dim) * (double)(problem->rows + c->kv_len);
  g->ahead = bytes >= PREFETCH_LEAST_BYTES;
  g->share = rapt_share_work(context->pool, g->tasks, work, context->kernels.lanes);
}

int rapt_cpu_plan_sdpa(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, rapt_cpu_sdpa *g) {
  const rapt_sdpa *c = &problem->call;
  *g = (rapt_cpu_sdpa){.path = RAPT_SDPA_EMPTY};
  if (c->batch == 0 || c->query_len == 0) return 1;
  if (__builtin_mul_overflow(c->batch, c->kv_heads, &g->units)) return 0;
  choose_tiles(context, problem, g);
  choose_tasks(context, problem, g);

  rapt_arena slot = {0}, partial = {0};
  if (g->path == RAPT_SDPA_DECODE) {
    rapt_sdpa_decode_slot unused;
    rapt_sdpa_decode_slot_lay(&slot, problem, g, &unused);
  } else {
    rapt_sdpa_prefill_slot unused;
    rapt_sdpa_prefill_slot_lay(&slot, context, problem, g, &unused);
  }
  rapt_sdpa_partials unused;
  rapt_sdpa_partials_lay(&partial, context, problem, g, &unused);
  g->slot_scratch = slot.used;
  g->partial_scratch = partial.used;
  return !slot.overflow && !partial.overflow &&
         !__builtin_mul_overflow(g->slot_scratch, (int64_t)g->share.slots, &g->scratch) &&
         !__builtin_add_overflow(g->scratch, g->partial_scratch, &g->scratch);
}

// Of query and output, and of keys and values where these are neither the same nor both i8.
static const char *storage(const rapt_sdpa *c, int quantised) {
  int32_t dtype = c->query.dtype;
  int same = quantised == 2 || (c->key.dtype == dtype && c->value.dtype == dtype);
  if (!same || c->output.dtype != dtype) return "mixed";
  return dtype == RAPT_F16 ? "f16" : dtype == RAPT_BF16 ? "bf16" : "f32";
}

void rapt_cpu_name_sdpa(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *g,
                        char *out, size_t size) {
  const rapt_sdpa *c = &problem->call;
  const char *path = g->path == RAPT_SDPA_EMPTY ? "empty" : g->path == RAPT_SDPA_DECODE ? "decode" : "prefill";
  char value[32] = "", split[32] = "";
  int quantised = (c->key.dtype == RAPT_I8) + (c->value.dtype == RAPT_I8);
  if (c->value_dim != c->head_dim) snprintf(value, sizeof value, "_v%" PRId64, c->value_dim);
  if (g->splits > 1) snprintf(split, sizeof split, "_split%" PRId64, g->splits);
  snprintf(out, size, "sdpa_%s_%s%s_%s_d%" PRId64 "%s%s", path, storage(c, quantised), quantised > 0 ? "_i8" : "",
           rapt_isa_name(context->kernels.isa), c->head_dim, value, split);
}
