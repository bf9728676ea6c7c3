// SPDX-License-Identifier: Apache-2.0
// A blocked matrix product on the same micro-kernel as attention: it broadcasts elements of input rows and multiplies
// them by vectors of packed weight panels.
#include <string.h>

#include "base/arithmetic.h"
#include "cpu/engine/rows.h"
#include "cpu/linear/integers.h"
#include "cpu/linear/linear.h"

// The most input features per step. L2 holds a group of weight panels of that depth while all rows are multiplied by
// it, and L1 holds a tile's rows meanwhile. Most layers are a single step, so that sums need not be stored and loaded
// between steps. A constant, because it orders the sums.
#define MOST_DEPTH 1024
// Groups of tile_rows input rows per task: the most, and the fewest where rows are split to keep all threads busy.
#define MOST_ROW_GROUPS 44
#define LEAST_ROW_GROUPS 8
// Tiles of rows up to which weights that are not f32 are widened in registers, for each tile, while the next ones come
// from memory. More rows share the cost of widening them into memory once, during which nothing is multiplied. Nibbles
// take more instructions to widen than bytes and less time to read, so that fewer tiles pay.
#define MOST_BYTE_TILES 3
#define MOST_OTHER_TILES 2
// Panels of blocks that a task of few rows goes through: enough that handing it out costs nothing beside reading them.
#define BLOCK_PANELS 8
// Rows of a tile that share a set of L1 from which on they are copied.
#define LEAST_CROWDED_ROWS 4
// Floats between copied rows, a line, so that rows of a power of two do not share a set.
#define ROW_GAP 16
// Tasks per thread that keep threads evenly busy.
#define TASKS_PER_THREAD 4

typedef struct projection_slot {
  // One step of the input rows, contiguous, where they cannot be read in place: floats, or pairs of bf16.
  float *input;
  // Output panels that cannot be written in place: partial ones, or all where the output is not contiguous f32.
  float *staged;
  // A group of weight panels as floats, where they are stored otherwise and rows are many.
  float *widened;
} projection_slot;

typedef struct projection_job {
  const rapt_kernels *kernels;
  const rapt_product *const *projections;
  const rapt_cpu_linears *group;
  unsigned char *memory;
} projection_job;

// Merges batch entries that follow each other at the stride of rows into one long entry.
static rapt_product merge_batch(const rapt_product *p) {
  rapt_product merged = *p;
  int64_t in = p->input.stride[1], out = p->output.stride[1];
  if (p->rows == 1) {
    in = p->input.stride[0];
    out = p->output.stride[0];
  } else if (p->input.stride[0] != p->rows * in || p->output.stride[0] != p->rows * out) {
    return merged;
  }
  merged.input.stride[1] = in;
  merged.output.stride[1] = out;
  merged.rows *= merged.batch;
  merged.batch = 1;
  return merged;
}

// Whether the kernel works on the tensor's rows in place; it is not worth it for runs shorter than a tile.
static int is_direct(const rapt_kernels *kernels, const rapt_product *p, const rapt_tensor *t) {
  return rapt_is_plain(t->dtype, t->stride[2]) && (p->batch == 1 || p->rows >= kernels->tile_rows);
}

// Whether input rows are read in place. Rows a multiple of a way of L1 apart share one of its sets: more of them than
// it has ways push each other out at every step, and copies of them do not.
static int is_read_directly(const rapt_kernels *kernels, const rapt_product *p) {
  int64_t stride = p->input.stride[1], way = RAPT_WAY_BYTES / (int64_t)sizeof(float);
  int crowded = p->batch * p->rows >= LEAST_CROWDED_ROWS && stride != 0 && stride % way == 0;
  return !crowded && is_direct(kernels, p, &p->input);
}

static const rapt_cpu_linear_weights *weights_of(const rapt_product *p) {
  return (const rapt_cpu_linear_weights *)p->weights;
}

// Whether input and weights are multiplied as pairs of bf16.
static int takes_pairs(const rapt_kernels *kernels, const rapt_product *p) {
  return kernels->multiply_pairs != NULL && p->input.dtype == RAPT_BF16 && weights_of(p)->stored == RAPT_BF16;
}

static int is_widened(const rapt_kernels *kernels, const rapt_product *p, int64_t rows) {
  int32_t stored = weights_of(p)->stored;
  int64_t most = stored == RAPT_Q8_0 || stored == RAPT_I8 ? MOST_BYTE_TILES : MOST_OTHER_TILES;
  return stored != RAPT_F32 && !takes_pairs(kernels, p) && rows > most * kernels->tile_rows;
}

// Whether the step's rows are few and its panels blocks, so that reading these is what takes the time.
static int is_fused(const rapt_kernels *kernels, const rapt_product *p, const rapt_cpu_linear_step *step) {
  return rapt_cpu_in_blocks(weights_of(p)->stored) && !is_widened(kernels, p, step->row_block);
}

static void slot_lay(rapt_arena *arena, const rapt_kernels *kernels, const rapt_product *p,
                     const rapt_cpu_linear_step *step, projection_slot *slot) {
  int64_t copied = is_read_directly(kernels, p) ? 0 : step->row_block * (step->depth_block + ROW_GAP);
  int64_t staged = is_direct(kernels, p, &p->output) ? 1 : step->task_panels;
  slot->input = rapt_arena_take(arena, copied, sizeof(float));
  slot->staged = rapt_arena_take(arena, staged * step->row_block * kernels->panel_width, sizeof(float));
  int64_t widened = is_widened(kernels, p, step->row_block) ? step->group_panels * step->depth_block : 0;
  slot->widened = rapt_arena_take(arena, widened * kernels->panel_width, sizeof(float));
}

// A task takes one group of panels where rows need no copy. Where each task has to copy its rows, it takes as many
// groups as still keep the threads evenly busy.
static void share_panels(const rapt_cpu_context *context, int copies, rapt_cpu_linear_step *step) {
  int64_t wanted = TASKS_PER_THREAD * (int64_t)context->threads;
  int64_t columns = rapt_ceil_div(context->threads == 1 ? 1 : wanted, step->row_blocks);
  if (!copies) columns = rapt_max(columns, rapt_ceil_div(step->panels, step->group_panels));
  step->task_panels = rapt_ceil_div(step->panels, rapt_min(columns, step->panels));
  step->tasks = step->row_blocks * rapt_ceil_div(step->panels, step->task_panels);
}

static int plan_one(const rapt_cpu_context *context, const rapt_product *projection, rapt_cpu_linear_step *step) {
  *step = (rapt_cpu_linear_step){0};
  const rapt_kernels *kernels = &context->kernels;
  int64_t rows, in = projection->weights->in_features;
  if (__builtin_mul_overflow(projection->batch, projection->rows, &rows)) return 0;
  if (rows == 0) return 1;
  rapt_product p = merge_batch(projection);
  int copies = !is_read_directly(kernels, &p);
  int64_t unit = rapt_cpu_stored_unit(weights_of(&p)->stored);
  step->depth_block = rapt_even_step(in / unit, MOST_DEPTH / unit) * unit;
  step->panels = rapt_ceil_div(p.weights->out_features, kernels->panel_width);
  int64_t panel_bytes = step->depth_block * kernels->panel_width * (int64_t)sizeof(float);
  step->group_panels =
      rapt_even_step(step->panels, rapt_max(1, rapt_machine_weight_bytes(&context->machine) / panel_bytes));
  int64_t groups = rapt_ceil_div(rows, kernels->tile_rows);
  int64_t wanted =
      rapt_ceil_div(TASKS_PER_THREAD * (int64_t)context->threads, rapt_ceil_div(step->panels, step->group_panels));
  if (copies || context->threads == 1) wanted = context->threads;
  int64_t blocks = rapt_max(rapt_ceil_div(groups, MOST_ROW_GROUPS), rapt_min(wanted, groups / LEAST_ROW_GROUPS));
  step->row_block = rapt_even_step(groups, rapt_ceil_div(groups, blocks)) * kernels->tile_rows;
  step->row_blocks = rapt_ceil_div(rows, step->row_block);
  if (is_fused(kernels, &p, step)) step->group_panels = rapt_even_step(step->panels, BLOCK_PANELS);
  share_panels(context, copies, step);
  step->work = (double)rows * (double)in * (double)p.weights->out_features;
  rapt_arena arena = {0};
  projection_slot unused;
  slot_lay(&arena, kernels, &p, step, &unused);
  step->slot_scratch = arena.used;
  return !arena.overflow;
}

int rapt_cpu_plan_linears(const rapt_cpu_context *context, const rapt_product *const *projections, int count,
                          rapt_cpu_linears *group) {
  double work = 0;
  int64_t integers = 0;
  *group = (rapt_cpu_linears){.count = count};
  for (int i = 0; i < count; i++) {
    rapt_cpu_linear_step *step = &group->steps[i];
    if (weights_of(projections[i])->in_integers) {
      if (!rapt_cpu_plan_integers(context, projections[i], &group->integers[i])) return 0;
      integers = rapt_max(integers, group->integers[i].scratch);
      continue;
    }
    if (!plan_one(context, projections[i], step)) return 0;
    if (__builtin_add_overflow(group->tasks, step->tasks, &group->tasks)) return 0;
    group->slot_scratch = rapt_max(group->slot_scratch, step->slot_scratch);
    work += step->work;
  }
  group->share = rapt_share_work(context->pool, group->tasks, work, context->kernels.lanes);
  int fits = !__builtin_mul_overflow(group->slot_scratch, (int64_t)group->share.slots, &group->scratch);
  group->scratch = rapt_max(group->scratch, integers);
  group->threads = group->share.slots;
  for (int i = 0; i < count; i++) {
    if (group->integers[i].share.slots > group->threads) group->threads = group->integers[i].share.slots;
  }
  return fits;
}

// A task: rows first .. first + count, counted through the whole batch, by panels first_panel .. last_panel.
typedef struct projection_task {
  const rapt_kernels *kernels;
  const rapt_cpu_linear_weights *weights;
  rapt_product projection;
  projection_slot slot;
  int64_t row_block;
  int64_t first;
  int64_t count;
  int64_t first_panel;
  int64_t last_panel;
  // Bytes of a whole panel of the weights as they are stored.
  int64_t panel_bytes;
  int widens;
  int takes_pairs;
  int reads_directly;
  int writes_directly;
} projection_task;

// Element 0 of the task's row r.
static void *task_row(const projection_task *t, const rapt_tensor *tensor, int64_t r) {
  int64_t row = t->first + r;
  return rapt_row(tensor, row / t->projection.rows, row % t->projection.rows, 0);
}

// 32-bit words of a copied row.
static int64_t words_of(const projection_task *t, int64_t depth) { return t->takes_pairs ? depth / 2 : depth; }

static void copy_input(const projection_task *t, int64_t from, int64_t depth) {
  const rapt_tensor *input = &t->projection.input;
  int64_t skipped = from * input->stride[2] * rapt_element_size(input->dtype);
  for (int64_t r = 0; r < t->count; r++) {
    const unsigned char *row = (const unsigned char *)task_row(t, input, r) + skipped;
    int64_t words = words_of(t, depth);
    float *to = t->slot.input + r * (words + ROW_GAP);
    const float *from_row = t->takes_pairs ? rapt_read_pairs(row, input->stride[2], depth, to)
                                           : rapt_read_row(t->kernels, input->dtype, row, input->stride[2], depth, to);
    if (from_row != to) memcpy(to, from_row, (size_t)words * sizeof(float));
  }
}

// Features of panel n.
static int64_t panel_features(const projection_task *t, int64_t n) {
  return rapt_min(t->weights->head.out_features - n * t->kernels->panel_width, t->kernels->panel_width);
}

static int is_staged(const projection_task *t, int64_t n) {
  return !t->writes_directly || panel_features(t, n) < t->kernels->panel_width;
}

// Staging for the task's rows of panel n. Where full panels are written in place, only the last panel needs it.
static float *stage_of(const projection_task *t, int64_t n) {
  return t->slot.staged + (t->writes_directly ? 0 : n - t->first_panel) * t->row_block * t->kernels->panel_width;
}

// The offset of panel n's output features from feature 0, in elements.
static int64_t panel_offset(const projection_task *t, int64_t n) {
  return rapt_cpu_panel_offset(&t->projection, n * t->kernels->panel_width);
}

// Panel n of the weights from an input feature on, as they are stored.
static const void *stored_panel(const projection_task *t, int64_t n, int64_t from) {
  const rapt_cpu_linear_weights *w = t->weights;
  return (const unsigned char *)w->panels + n * t->panel_bytes +
         rapt_cpu_panel_bytes(w->stored, t->kernels->panel_width, from);
}

// Panels n .. end, features from .. from + depth, as floats.
static void widen_group(const projection_task *t, int64_t n, int64_t end, int64_t from, int64_t depth) {
  const rapt_kernels *kernels = t->kernels;
  int64_t width = kernels->panel_width;
  float *to = t->slot.widened;
  for (; n < end; n++, to += depth * width) {
    const void *panel = stored_panel(t, n, from);
    switch (t->weights->stored) {
      case RAPT_F16:
        kernels->widen_f16(depth * width, panel, to);
        break;
      case RAPT_BF16:
        kernels->widen_bf16_pairs(depth, panel, to);
        break;
      case RAPT_Q8_0:
        kernels->widen_q8_0(depth / RAPT_BLOCK, panel, to);
        break;
      case RAPT_I8:
        kernels->widen_i8_panel(depth / RAPT_BLOCK, panel, t->weights->scales + n * width, to);
        break;
      default:
        kernels->widen_q4_0(depth / RAPT_BLOCK, panel, to);
        break;
    }
  }
}

// multiply_tile_rows where the weights are blocks and not widened.
static void multiply_blocks(const projection_task *t, rapt_block_product *product, float *out, int64_t r, int64_t n,
                            int64_t end, int64_t from) {
  const rapt_kernels *kernels = t->kernels;
  const rapt_cpu_linear_weights *w = t->weights;
  int64_t width = kernels->panel_width;
  while (n < end) {
    product->scales = w->scales == NULL ? NULL : w->scales + n * width;
    product->panels = (int32_t)rapt_min(end - n, RAPT_SIDE_PANELS);
    for (int32_t s = 0; s < product->panels; s++, n++) {
      int staged = is_staged(t, n);
      product->panel[s] = (rapt_block_panel){.b = stored_panel(t, n, from),
                                             .c = staged ? stage_of(t, n) + r * width : out + panel_offset(t, n),
                                             .c_stride = staged ? width : t->projection.output.stride[1],
                                             .lane = w->bias + n * width};
    }
    switch (w->stored) {
      case RAPT_Q8_0:
        kernels->multiply_q8_0(product);
        break;
      case RAPT_I8:
        kernels->multiply_i8(product);
        break;
      default:
        kernels->multiply_q4_0(product);
        break;
    }
  }
}

// The first row of a tile of input, and elements of `at` from one row to the next.
typedef struct tile_input {
  const float *at;
  int64_t stride;
} tile_input;

// A tile of rows times a panel: floats, 16 bits that are widened in registers, or pairs of bf16.
static void multiply_tile(const projection_task *t, int64_t height, int64_t depth, tile_input rows, const void *panel,
                          float *c, int64_t c_stride, const float *lane) {
  const rapt_kernels *kernels = t->kernels;
  rapt_start start = lane == NULL ? RAPT_START_C : RAPT_START_LANE;
  if (t->takes_pairs) {
    kernels->multiply_pairs(height, depth / 2, rows.at, rows.stride, 1, panel, c, c_stride, start, lane);
  } else if (t->widens || t->weights->stored == RAPT_F32) {
    if (kernels->multiply_lines != NULL) {
      kernels->multiply_lines(height, depth, rows.at, rows.stride, panel, c, c_stride, start, lane);
    } else {
      kernels->multiply(height, depth, rows.at, rows.stride, 1, panel, c, c_stride, start, lane);
    }
  } else if (t->weights->stored == RAPT_F16) {
    kernels->multiply_f16(height, depth, rows.at, rows.stride, panel, c, c_stride, lane);
  } else {
    kernels->multiply_bf16(height, depth, rows.at, rows.stride, panel, c, c_stride, lane);
  }
}

// Rows r .. r + height of the task, a tile, times panels n .. end of the group, features from .. from + depth.
static void multiply_tile_rows(const projection_task *t, int64_t r, int64_t height, int64_t n, int64_t end,
                               int64_t from, int64_t depth) {
  const rapt_product *p = &t->projection;
  int64_t width = t->kernels->panel_width, stride = words_of(t, depth) + ROW_GAP;
  tile_input rows = {t->slot.input + r * stride, stride};
  if (t->reads_directly) rows = (tile_input){(const float *)task_row(t, &p->input, r) + from, p->input.stride[1]};
  float *out = task_row(t, &p->output, r);
  if (rapt_cpu_in_blocks(t->weights->stored) && !t->widens) {
    rapt_block_product product = {
        .rows = height, .blocks = depth / RAPT_BLOCK, .a = rows.at, .a_row = rows.stride, .continues = from > 0};
    multiply_blocks(t, &product, out, r, n, end, from);
    return;
  }
  const unsigned char *panel = t->widens ? (const unsigned char *)t->slot.widened : stored_panel(t, n, from);
  int64_t step = t->widens ? depth * width * (int64_t)sizeof(float) : t->panel_bytes;
  for (; n < end; n++, panel += step) {
    int staged = is_staged(t, n);
    multiply_tile(t, height, depth, rows, panel, staged ? stage_of(t, n) + r * width : out + panel_offset(t, n),
                  staged ? width : p->output.stride[1], from == 0 ? t->weights->bias + n * width : NULL);
  }
}

// All rows of the task times a group of panels, batch entry by batch entry: only rows of one entry have one stride.
static void multiply_group(const projection_task *t, int64_t n, int64_t end, int64_t from, int64_t depth) {
  int64_t rows = t->projection.rows;
  if (t->widens) widen_group(t, n, end, from, depth);
  for (int64_t r = 0, height; r < t->count; r += height) {
    int64_t run = t->count - r;
    if (t->reads_directly || t->writes_directly) run = rapt_min(run, rows - (t->first + r) % rows);
    height = rapt_even_step(run, t->kernels->tile_rows);
    multiply_tile_rows(t, r, height, n, end, from, depth);
  }
}

// Panels first .. end, in steps over the depth.
static void multiply_panels(const projection_task *t, const rapt_cpu_linear_step *step, int64_t first, int64_t end) {
  int64_t in = t->weights->head.in_features;
  for (int64_t from = 0, depth; from < in; from += depth) {
    depth = rapt_min(in - from, step->depth_block);
    if (!t->reads_directly) copy_input(t, from, depth);
    for (int64_t n = first; n < end; n += step->group_panels) {
      multiply_group(t, n, rapt_min(end, n + step->group_panels), from, depth);
    }
  }
}

static void write_staged(const projection_task *t) {
  const rapt_tensor *output = &t->projection.output;
  int64_t width = t->kernels->panel_width;
  for (int64_t n = t->first_panel; n < t->last_panel; n++) {
    if (!is_staged(t, n)) continue;
    int64_t skipped = panel_offset(t, n) * rapt_element_size(output->dtype);
    for (int64_t r = 0; r < t->count; r++) {
      rapt_write_row(t->kernels, stage_of(t, n) + r * width, panel_features(t, n), output->dtype,
                     (unsigned char *)task_row(t, output, r) + skipped, output->stride[2]);
    }
  }
}

static void run_task(void *argument, int64_t task, int32_t slot) {
  const projection_job *job = argument;
  const rapt_cpu_linears *group = job->group;
  int which = 0;
  while (task >= group->steps[which].tasks) task -= group->steps[which++].tasks;
  const rapt_cpu_linear_step *step = &group->steps[which];
  projection_task t = {.kernels = job->kernels,
                       .weights = weights_of(job->projections[which]),
                       .projection = merge_batch(job->projections[which]),
                       .row_block = step->row_block,
                       .first = task % step->row_blocks * step->row_block,
                       .first_panel = task / step->row_blocks * step->task_panels};
  const rapt_product *p = &t.projection;
  t.count = rapt_min(p->batch * p->rows - t.first, step->row_block);
  t.panel_bytes = rapt_cpu_panel_bytes(t.weights->stored, t.kernels->panel_width, t.weights->head.in_features);
  t.takes_pairs = takes_pairs(t.kernels, p);
  t.widens = is_widened(t.kernels, p, step->row_block);
  t.last_panel = rapt_min(step->panels, t.first_panel + step->task_panels);
  t.reads_directly = is_read_directly(t.kernels, p);
  t.writes_directly = is_direct(t.kernels, p, &p->output);
  rapt_arena arena = {.base = job->memory + slot * group->slot_scratch};
  slot_lay(&arena, t.kernels, p, step, &t.slot);

  // Reading as the panels lie, from end to end, is fastest. Where rows are copied, a group of panels shares a copy.
  int64_t reach = step->task_panels;
  if (is_fused(t.kernels, p, step)) reach = t.reads_directly ? RAPT_SIDE_PANELS : step->group_panels;
  for (int64_t n = t.first_panel; n < t.last_panel; n += reach) {
    multiply_panels(&t, step, n, rapt_min(t.last_panel, n + reach));
  }
  write_staged(&t);
}

void rapt_cpu_execute_linears(rapt_cpu_context *context, const rapt_product *const *projections,
                              const rapt_cpu_linears *group, void *memory) {
  projection_job job = {.kernels = &context->kernels, .projections = projections, .group = group, .memory = memory};
  if (group->tasks > 0) rapt_parallel(context->pool, group->tasks, group->share, run_task, &job);
  for (int i = 0; i < group->count; i++) {
    if (weights_of(projections[i])->in_integers) {
      rapt_cpu_execute_integers(context, projections[i], &group->integers[i], memory);
    }
  }
}
