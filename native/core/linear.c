// SPDX-License-Identifier: Apache-2.0
// A blocked matrix product on the attention kernels' own micro-kernel: packed rows of input are the broadcast side,
// packed weight panels the vector side.
#include "core/linear.h"

#include <string.h>

#include "core/arithmetic.h"
#include "core/rows.h"

// Input features per step: a weight panel of that depth is 32 KB, which stays in L1 while the rows pass over it.
#define DEPTH_BLOCK 256
// Groups of tile_rows input rows per task: the block is packed once for all of the task's panels.
#define ROW_GROUPS 8

typedef struct projection_slot {
  // Groups of tile_rows rows: [feature][row in group].
  float *packed;
  // Output panels that cannot be written where they belong: partial ones, or all where it is not contiguous f32.
  float *staged;
  // Input rows on their way to contiguous f32.
  float *rows;
} projection_slot;

typedef struct projection_job {
  const rapt_kernels *kernels;
  const rapt_projection *projection;
  const rapt_projection_geometry *geometry;
  unsigned char *memory;
} projection_job;

// Whether the kernel's sums can build up in the output itself.
static int writes_directly(const rapt_projection *p) { return rapt_is_plain(p->output.dtype, p->output.stride[2]); }

static void slot_lay(rapt_arena *arena, const rapt_kernels *kernels, const rapt_projection *p,
                     const rapt_projection_geometry *g, projection_slot *slot) {
  int64_t width = kernels->panel_width, staged = writes_directly(p) ? 1 : g->task_panels;
  slot->packed = rapt_arena_take(arena, g->row_block * DEPTH_BLOCK + RAPT_PACK_SLACK, sizeof(float));
  slot->staged = rapt_arena_take(arena, staged * g->row_block * width, sizeof(float));
  slot->rows = rapt_arena_take(arena, RAPT_MAX_TILE_ROWS * DEPTH_BLOCK, sizeof(float));
}

int rapt_projection_plan(const rapt_context *context, const rapt_projection *p, rapt_projection_geometry *g) {
  *g = (rapt_projection_geometry){0};
  const rapt_kernels *kernels = &context->kernels;
  int64_t rows;
  if (__builtin_mul_overflow(p->batch, p->rows, &rows)) return 0;
  if (rows == 0) return 1;
  int64_t groups = rapt_ceil_div(rows, kernels->tile_rows);
  g->row_block = (groups < ROW_GROUPS ? groups : ROW_GROUPS) * kernels->tile_rows;
  g->row_blocks = rapt_ceil_div(rows, g->row_block);
  g->panels = rapt_ceil_div(p->linear->out_features, kernels->panel_width);
  // Four tasks per thread keep the threads evenly busy; more would pack the same rows again and again.
  int64_t column_blocks = rapt_ceil_div(4 * (int64_t)context->threads, g->row_blocks);
  if (context->threads == 1 || column_blocks > g->panels) column_blocks = context->threads == 1 ? 1 : g->panels;
  g->task_panels = rapt_ceil_div(g->panels, column_blocks);
  column_blocks = rapt_ceil_div(g->panels, g->task_panels);
  g->tasks = g->row_blocks * column_blocks;
  double work = (double)rows * (double)p->linear->in_features * (double)p->linear->out_features;
  g->share = rapt_share_work(context->pool, g->tasks, work, kernels->lanes);
  rapt_arena arena = {0};
  projection_slot unused;
  slot_lay(&arena, kernels, p, g, &unused);
  g->slot_scratch = arena.used;
  return !arena.overflow && !__builtin_mul_overflow(g->slot_scratch, (int64_t)g->share.slots, &g->scratch);
}

// Feature `feature` of a row counted through the whole batch.
static void *at(const rapt_tensor *t, int64_t rows, int64_t row, int64_t feature) {
  return rapt_offset(t, row / rows * t->stride[0] + row % rows * t->stride[1] + feature * t->stride[2]);
}

static void pack_rows(const projection_job *job, const projection_slot *slot, int64_t first, int64_t count,
                      int64_t from, int64_t depth) {
  const rapt_projection *p = job->projection;
  int64_t group = job->kernels->tile_rows, stride = p->input.stride[2];
  for (int64_t r = 0; r < count; r += group) {
    const float *rows[RAPT_MAX_TILE_ROWS] = {0};
    int64_t n = count - r < group ? count - r : group;
    for (int64_t i = 0; i < n; i++) {
      const void *row = at(&p->input, p->rows, first + r + i, from);
      rows[i] = rapt_read_row(job->kernels, p->input.dtype, row, stride, depth, slot->rows + i * DEPTH_BLOCK);
    }
    job->kernels->pack(rows, n, depth, group, slot->packed + r * depth);
  }
}

// A group's rows may lie anywhere in the output (a group can cross from one batch entry to the next), so rows that are
// not a constant stride apart go through a tile of their own.
static void multiply_group(const projection_job *job, const float *packed, int64_t depth, const float *panel,
                           float **rows, int64_t count, rapt_start start, const float *bias) {
  const rapt_kernels *kernels = job->kernels;
  int64_t width = kernels->panel_width, stride = count > 1 ? rows[1] - rows[0] : width;
  int regular = 1;
  for (int64_t i = 2; i < count; i++) regular &= rows[i] - rows[i - 1] == stride;
  if (regular) {
    kernels->multiply(count, depth, packed, 1, kernels->tile_rows, panel, rows[0], stride, start, bias);
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    kernels->multiply(1, depth, packed + i, 1, kernels->tile_rows, panel, rows[i], width, start, bias);
  }
}

static void run_task(void *argument, int64_t task, int32_t slot_index) {
  const projection_job *job = argument;
  const rapt_projection *p = job->projection;
  const rapt_projection_geometry *g = job->geometry;
  const rapt_packed_linear *packed = (const rapt_packed_linear *)p->linear;
  const rapt_linear *linear = &packed->head;
  int64_t width = job->kernels->panel_width, group = job->kernels->tile_rows;
  rapt_arena arena = {.base = job->memory + slot_index * g->slot_scratch};
  projection_slot slot;
  slot_lay(&arena, job->kernels, p, g, &slot);

  int64_t first = task % g->row_blocks * g->row_block, left = p->batch * p->rows - first;
  int64_t count = left < g->row_block ? left : g->row_block;
  int64_t first_panel = task / g->row_blocks * g->task_panels;
  int64_t last_panel = g->panels - first_panel < g->task_panels ? g->panels : first_panel + g->task_panels;
  int direct = writes_directly(p);

  for (int64_t from = 0; from < linear->in_features; from += DEPTH_BLOCK) {
    int64_t depth = linear->in_features - from < DEPTH_BLOCK ? linear->in_features - from : DEPTH_BLOCK;
    pack_rows(job, &slot, first, count, from, depth);
    for (int64_t n = first_panel; n < last_panel; n++) {
      const float *panel = packed->panels + (n * linear->in_features + from) * width;
      int64_t features = linear->out_features - n * width < width ? linear->out_features - n * width : width;
      int staged = !direct || features < width;
      float *stage = slot.staged + (direct ? 0 : n - first_panel) * g->row_block * width;
      for (int64_t r = 0; r < count; r += group) {
        float *rows[RAPT_MAX_TILE_ROWS] = {0};
        int64_t height = count - r < group ? count - r : group;
        for (int64_t i = 0; i < height; i++) {
          rows[i] = staged ? stage + (r + i) * width : at(&p->output, p->rows, first + r + i, n * width);
        }
        multiply_group(job, slot.packed + r * depth, depth, panel, rows, height,
                       from == 0 ? RAPT_START_LANE : RAPT_START_C, packed->bias + n * width);
      }
      if (!staged || from + depth < linear->in_features) continue;
      for (int64_t r = 0; r < count; r++) {
        void *row = at(&p->output, p->rows, first + r, n * width);
        rapt_write_row(job->kernels, stage + r * width, features, p->output.dtype, row, p->output.stride[2]);
      }
    }
  }
}

void rapt_projection_run(rapt_context *context, const rapt_projection *projection,
                         const rapt_projection_geometry *geometry, void *memory) {
  projection_job job = {.kernels = &context->kernels, .projection = projection, .geometry = geometry, .memory = memory};
  rapt_parallel(context->pool, geometry->tasks, geometry->share, run_task, &job);
}
