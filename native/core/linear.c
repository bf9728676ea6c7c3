// SPDX-License-Identifier: Apache-2.0
// A blocked matrix product on the attention kernels' own micro-kernel: rows of input are the broadcast side, packed
// weight panels the vector side.
#include "core/linear.h"

#include <string.h>

#include "core/arithmetic.h"
#include "core/rows.h"

// Input features per step: a weight panel of that depth is 32 KB, which stays in L1 while the rows pass over it.
#define DEPTH_BLOCK 256
// Groups of tile_rows input rows per task, at most and, where there are threads to feed, at least. The weights come
// from beyond L2, once for every block of rows: the more rows, the longer the time to bring the next panel near. 44
// groups of 12 rows are half a megabyte, which L2 holds.
#define MOST_ROW_GROUPS 44
#define LEAST_ROW_GROUPS 8
// Bytes that one prefetch brings, and how many of the next panel's go out per tile: more at a time would hold up the
// tile's own loads.
#define LINE 64
#define MOST_LINES 16

typedef struct projection_slot {
  // Where the task's input and output rows start in the caller's memory.
  const unsigned char **from;
  unsigned char **to;
  // Output rows that lie a constant stride apart: runs[r] of them from row r on, if a run starts there.
  int64_t *runs;
  // A depth block of the input rows, one after the other.
  float *input;
  // Output panels that cannot be written where they belong: partial ones, or all where it is not contiguous f32.
  float *staged;
} projection_slot;

typedef struct projection_job {
  const rapt_kernels *kernels;
  const rapt_projection *const *projections;
  const rapt_projection_group *group;
  unsigned char *memory;
} projection_job;

// Whether the kernel's sums can build up in the output itself.
static int writes_directly(const rapt_projection *p) { return rapt_is_plain(p->output.dtype, p->output.stride[2]); }

static void slot_lay(rapt_arena *arena, const rapt_kernels *kernels, const rapt_projection *p,
                     const rapt_projection_geometry *g, projection_slot *slot) {
  int64_t width = kernels->panel_width, staged = writes_directly(p) ? 1 : g->task_panels;
  slot->from = rapt_arena_take(arena, g->row_block, sizeof *slot->from);
  slot->to = rapt_arena_take(arena, g->row_block, sizeof *slot->to);
  slot->runs = rapt_arena_take(arena, g->row_block, sizeof *slot->runs);
  slot->input = rapt_arena_take(arena, g->row_block * DEPTH_BLOCK, sizeof(float));
  slot->staged = rapt_arena_take(arena, staged * g->row_block * width, sizeof(float));
}

static int plan_one(const rapt_context *context, const rapt_projection *p, rapt_projection_geometry *g) {
  *g = (rapt_projection_geometry){0};
  const rapt_kernels *kernels = &context->kernels;
  int64_t rows;
  if (__builtin_mul_overflow(p->batch, p->rows, &rows)) return 0;
  if (rows == 0) return 1;
  int64_t groups = rapt_ceil_div(rows, kernels->tile_rows);
  int64_t blocks = rapt_max(rapt_ceil_div(groups, MOST_ROW_GROUPS),
                            rapt_min(context->threads, rapt_ceil_div(groups, LEAST_ROW_GROUPS)));
  g->row_block = rapt_ceil_div(groups, blocks) * kernels->tile_rows;
  g->row_blocks = rapt_ceil_div(rows, g->row_block);
  g->panels = rapt_ceil_div(p->linear->out_features, kernels->panel_width);
  // Four tasks per thread keep the threads evenly busy; more would copy the same rows again and again.
  int64_t column_blocks = rapt_ceil_div(4 * (int64_t)context->threads, g->row_blocks);
  if (context->threads == 1 || column_blocks > g->panels) column_blocks = context->threads == 1 ? 1 : g->panels;
  g->task_panels = rapt_ceil_div(g->panels, column_blocks);
  column_blocks = rapt_ceil_div(g->panels, g->task_panels);
  g->tasks = g->row_blocks * column_blocks;
  g->work = (double)rows * (double)p->linear->in_features * (double)p->linear->out_features;
  rapt_arena arena = {0};
  projection_slot unused;
  slot_lay(&arena, kernels, p, g, &unused);
  g->slot_scratch = arena.used;
  return !arena.overflow;
}

int rapt_projection_plan(const rapt_context *context, const rapt_projection *const *projections, int count,
                         rapt_projection_group *group) {
  double work = 0;
  *group = (rapt_projection_group){.count = count};
  for (int i = 0; i < count; i++) {
    rapt_projection_geometry *g = &group->geometries[i];
    if (!plan_one(context, projections[i], g)) return 0;
    if (__builtin_add_overflow(group->tasks, g->tasks, &group->tasks)) return 0;
    group->slot_scratch = rapt_max(group->slot_scratch, g->slot_scratch);
    work += g->work;
  }
  group->share = rapt_share_work(context->pool, group->tasks, work, context->kernels.lanes);
  return !__builtin_mul_overflow(group->slot_scratch, (int64_t)group->share.slots, &group->scratch);
}

// Finds the task's rows, which are counted through the whole batch.
static void locate_rows(const rapt_projection *p, const projection_slot *slot, int64_t first, int64_t count) {
  int64_t batch = first / p->rows, row = first % p->rows;
  for (int64_t r = 0; r < count; r++) {
    slot->from[r] = rapt_offset(&p->input, batch * p->input.stride[0] + row * p->input.stride[1]);
    slot->to[r] = rapt_offset(&p->output, batch * p->output.stride[0] + row * p->output.stride[1]);
    if (++row == p->rows) {
      row = 0;
      batch++;
    }
  }
  for (int64_t r = 0, run; r < count; r += run) {
    run = r + 1 < count ? 2 : 1;
    while (r + run < count && slot->to[r + run] - slot->to[r + run - 1] == slot->to[r + 1] - slot->to[r]) run++;
    slot->runs[r] = run;
  }
}

static void copy_input(const rapt_kernels *kernels, const rapt_tensor *t, const projection_slot *slot, int64_t count,
                       int64_t first_feature, int64_t depth) {
  int64_t skipped = first_feature * t->stride[2] * rapt_element_size(t->dtype);
  for (int64_t r = 0; r < count; r++) {
    float *to = slot->input + r * depth;
    const float *from = rapt_read_row(kernels, t->dtype, slot->from[r] + skipped, t->stride[2], depth, to);
    if (from != to) memcpy(to, from, (size_t)depth * sizeof(float));
  }
}

// What the product with one weight panel writes: rows from feature first_feature on, or the stage.
typedef struct block {
  int64_t count;
  int64_t depth;
  const float *panel;
  const float *bias;
  rapt_start start;
  // The panel after this one, to be brought near meanwhile; NULL at the last.
  const float *next;
} block;

// The block's rows times one weight panel, a tile at a time, into rows `stride` floats apart. Meanwhile the next panel
// is on its way to L2, and the next tile's sums to L1: both come from far, and neither in an order that the processor
// foresees.
static void multiply_rows(const rapt_kernels *kernels, const float *input, const block *b, int64_t first, int64_t count,
                          float *to, int64_t stride) {
  int64_t width = kernels->panel_width, group = kernels->tile_rows;
  int64_t lines = rapt_ceil_div(b->depth * width * (int64_t)sizeof(float), LINE);
  int64_t share = rapt_min(rapt_ceil_div(lines, rapt_ceil_div(b->count, group)), MOST_LINES);
  for (int64_t r = 0; r < count; r += group) {
    int64_t height = rapt_min(count - r, group);
    if (b->next != NULL) {
      const char *near = (const char *)b->next + (first + r) / group * share * LINE;
      for (int64_t i = 0; i < share; i++) __builtin_prefetch(near + i * LINE, 0, 2);
    }
    for (int64_t i = r + group; i < r + 2 * group && i < count; i++) {
      for (int64_t f = 0; f < width; f += LINE / (int64_t)sizeof(float)) __builtin_prefetch(to + i * stride + f, 1, 3);
    }
    kernels->multiply(height, b->depth, input + r * b->depth, b->depth, 1, b->panel, to + r * stride, stride, b->start,
                      b->bias);
  }
}

// As much at a time as lies a constant stride apart.
static void multiply_direct(const rapt_kernels *kernels, const projection_slot *slot, const block *b,
                            int64_t first_feature) {
  for (int64_t r = 0; r < b->count; r += slot->runs[r]) {
    int64_t stride = slot->runs[r] > 1 ? (slot->to[r + 1] - slot->to[r]) / (int64_t)sizeof(float) : 0;
    multiply_rows(kernels, slot->input + r * b->depth, b, r, slot->runs[r], (float *)slot->to[r] + first_feature,
                  stride);
  }
}

static void run_task(void *argument, int64_t task, int32_t slot_index) {
  const projection_job *job = argument;
  const rapt_projection_group *group = job->group;
  int which = 0;
  while (task >= group->geometries[which].tasks) task -= group->geometries[which++].tasks;
  const rapt_projection *p = job->projections[which];
  const rapt_projection_geometry *g = &group->geometries[which];
  const rapt_packed_linear *packed = (const rapt_packed_linear *)p->linear;
  const rapt_linear *linear = &packed->head;
  int64_t width = job->kernels->panel_width;
  rapt_arena arena = {.base = job->memory + slot_index * group->slot_scratch};
  projection_slot slot;
  slot_lay(&arena, job->kernels, p, g, &slot);

  int64_t first = task % g->row_blocks * g->row_block, left = p->batch * p->rows - first;
  int64_t count = left < g->row_block ? left : g->row_block;
  int64_t first_panel = task / g->row_blocks * g->task_panels;
  int64_t last_panel = g->panels - first_panel < g->task_panels ? g->panels : first_panel + g->task_panels;
  int direct = writes_directly(p);
  locate_rows(p, &slot, first, count);

  for (int64_t from = 0; from < linear->in_features; from += DEPTH_BLOCK) {
    int64_t depth = linear->in_features - from < DEPTH_BLOCK ? linear->in_features - from : DEPTH_BLOCK;
    copy_input(job->kernels, &p->input, &slot, count, from, depth);
    for (int64_t n = first_panel; n < last_panel; n++) {
      const float *panel = packed->panels + (n * linear->in_features + from) * width;
      block b = {.count = count,
                 .depth = depth,
                 .panel = panel,
                 .bias = packed->bias + n * width,
                 .start = from == 0 ? RAPT_START_LANE : RAPT_START_C,
                 .next = n + 1 < last_panel ? panel + linear->in_features * width : NULL};
      int64_t features = linear->out_features - n * width < width ? linear->out_features - n * width : width;
      if (direct && features == width) {
        multiply_direct(job->kernels, &slot, &b, n * width);
        continue;
      }
      float *stage = slot.staged + (direct ? 0 : n - first_panel) * g->row_block * width;
      multiply_rows(job->kernels, slot.input, &b, 0, count, stage, width);
      if (from + depth < linear->in_features) continue;
      int64_t skipped = n * width * p->output.stride[2] * rapt_element_size(p->output.dtype);
      for (int64_t r = 0; r < count; r++) {
        rapt_write_row(job->kernels, stage + r * width, features, p->output.dtype, slot.to[r] + skipped,
                       p->output.stride[2]);
      }
    }
  }
}

void rapt_projection_run(rapt_context *context, const rapt_projection *const *projections,
                         const rapt_projection_group *group, void *memory) {
  projection_job job = {.kernels = &context->kernels, .projections = projections, .group = group, .memory = memory};
  rapt_parallel(context->pool, group->tasks, group->share, run_task, &job);
}
