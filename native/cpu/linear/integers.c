// SPDX-License-Identifier: Apache-2.0
// A projection in integers, a stretch of rows at a time: first all threads round the stretch's input into blocks, then
// they go through the panels of weights, each of which is read once for the whole stretch.
#include "cpu/linear/integers.h"

#include "base/arena.h"
#include "base/arithmetic.h"
#include "cpu/engine/rows.h"

// Rows of a stretch: what L2 holds, rounded, beside a panel, and far more than reading the panels takes time for.
#define MOST_ROWS 128
// Elements that are converted to floats before they are rounded.
#define SOME 1024
// What rounding an element costs, and what a product of integers does, in the multiply-adds that rapt_share_work
// counts.
#define WORK_PER_ELEMENT 4
#define PRODUCTS_PER_WORK 3
// Tasks per thread that keep threads evenly busy.
#define TASKS_PER_THREAD 4

typedef struct integer_job {
  const rapt_kernels *kernels;
  const rapt_product *projection;
  const rapt_cpu_linear_weights *weights;
  const rapt_cpu_integers *plan;
  // [tile][block][row in tile]
  rapt_input_block *input;
  // The stretch's rows, counted through the whole batch.
  int64_t first;
  int64_t count;
  int64_t tile_rows;
} integer_job;

static const rapt_cpu_linear_weights *weights_of(const rapt_product *p) {
  return (const rapt_cpu_linear_weights *)p->weights;
}

int rapt_cpu_plan_integers(const rapt_cpu_context *context, const rapt_product *p, rapt_cpu_integers *plan) {
  *plan = (rapt_cpu_integers){0};
  int64_t rows, threads = context->threads;
  if (__builtin_mul_overflow(p->batch, p->rows, &rows)) return 0;
  if (rows == 0) return 1;
  plan->stretch = rapt_even_step(rows, MOST_ROWS);
  plan->blocks = rapt_ceil_div(p->weights->in_features, RAPT_BLOCK);
  plan->panels = rapt_ceil_div(p->weights->out_features, context->kernels.panel_width);
  plan->task_panels = rapt_ceil_div(plan->panels, threads == 1 ? 1 : TASKS_PER_THREAD * threads);
  int64_t tasks = rapt_ceil_div(plan->panels, plan->task_panels);
  double elements = (double)plan->stretch * (double)p->weights->in_features;
  plan->rounding = rapt_share_work(context->pool, plan->stretch, elements * WORK_PER_ELEMENT, context->kernels.lanes);
  plan->share = rapt_share_work(context->pool, tasks, elements * (double)p->weights->out_features / PRODUCTS_PER_WORK,
                                context->kernels.lanes);
  rapt_arena arena = {0};
  rapt_arena_take(&arena, plan->stretch * plan->blocks, sizeof(rapt_input_block));
  plan->scratch = arena.used;
  return !arena.overflow;
}

// Row r of the stretch, element 0.
static void *row_of(const integer_job *job, const rapt_tensor *t, int64_t r) {
  int64_t row = job->first + r, rows = job->projection->rows;
  return rapt_row(t, row / rows, row % rows, 0);
}

// The block of row r that is its first, and how far apart its blocks are.
static rapt_input_block *blocks_of(const integer_job *job, int64_t r, int64_t *apart) {
  int64_t tile = r / job->tile_rows * job->tile_rows;
  *apart = rapt_min(job->tile_rows, job->count - tile);
  return job->input + tile * job->plan->blocks + r - tile;
}

static void round_row(void *argument, int64_t r, int32_t slot) {
  (void)slot;
  const integer_job *job = argument;
  const rapt_tensor *input = &job->projection->input;
  const unsigned char *row = row_of(job, input, r);
  int64_t in = job->weights->head.in_features, apart;
  int32_t offset = job->weights->dtype == RAPT_Q4_0 ? 8 : 128;
  rapt_input_block *to = blocks_of(job, r, &apart);
  int64_t step = rapt_is_plain(input->dtype, input->stride[2]) ? in : SOME;
  for (int64_t k = 0; k < in; k += step, to += step / RAPT_BLOCK * apart) {
    float staged[SOME];
    int64_t count = rapt_min(step, in - k);
    const unsigned char *at = row + k * input->stride[2] * rapt_element_size(input->dtype);
    job->kernels->quantise(count, rapt_read_row(job->kernels, input->dtype, at, input->stride[2], count, staged),
                           offset, apart, to);
  }
}

// Writes a tile's sums of a panel.
static void write_tile(const integer_job *job, int64_t first, int64_t rows, int64_t panel, const float *sums) {
  const rapt_tensor *output = &job->projection->output;
  int64_t width = job->kernels->panel_width;
  int64_t features = rapt_min(width, job->weights->head.out_features - panel * width);
  int64_t skipped = rapt_cpu_panel_offset(job->projection, panel * width) * rapt_element_size(output->dtype);
  for (int64_t r = 0; r < rows; r++, sums += width) {
    rapt_write_row(job->kernels, sums, features, output->dtype,
                   (unsigned char *)row_of(job, output, first + r) + skipped, output->stride[2]);
  }
}

static void multiply_panels(void *argument, int64_t task, int32_t slot) {
  (void)slot;
  const integer_job *job = argument;
  const rapt_cpu_linear_weights *w = job->weights;
  int64_t width = job->kernels->panel_width, from = task * job->plan->task_panels;
  int64_t end = rapt_min(from + job->plan->task_panels, job->plan->panels), panels;
  int64_t bytes = rapt_cpu_integer_bytes(w->dtype, width, job->plan->blocks);
  rapt_multiply_integers *multiply = job->kernels->integers.multiply[rapt_cpu_integers_of(w->dtype)];
  for (int64_t n = from; n < end; n += panels) {
    panels = rapt_even_step(end - n, RAPT_SIDE_PANELS);
    for (int64_t r = 0; r < job->count; r += job->tile_rows) {
      float sums[RAPT_SIDE_PANELS * RAPT_INTEGER_ROWS * RAPT_MAX_PANEL_WIDTH] __attribute__((aligned(64)));
      int64_t rows;
      rapt_integer_product product = {.blocks = job->plan->blocks,
                                      .panels = panels,
                                      .input = blocks_of(job, r, &rows),
                                      .panel = (const unsigned char *)w->panels + n * bytes,
                                      .scales = w->scales == NULL ? NULL : w->scales + n * width,
                                      .lane = w->bias + n * width,
                                      .sums = sums};
      product.rows = rows;
      multiply(&product);
      for (int64_t s = 0; s < panels; s++) write_tile(job, r, rows, n + s, sums + s * rows * width);
    }
  }
}

void rapt_cpu_execute_integers(rapt_cpu_context *context, const rapt_product *p, const rapt_cpu_integers *plan,
                               void *memory) {
  integer_job job = {
      .kernels = &context->kernels, .projection = p, .weights = weights_of(p), .plan = plan, .input = memory};
  int64_t rows = p->batch * p->rows;
  for (; job.first < rows; job.first += job.count) {
    job.count = rapt_min(plan->stretch, rows - job.first);
    job.tile_rows = rapt_even_step(job.count, RAPT_INTEGER_ROWS);
    rapt_parallel(context->pool, job.count, plan->rounding, round_row, &job);
    rapt_parallel(context->pool, rapt_ceil_div(plan->panels, plan->task_panels), plan->share, multiply_panels, &job);
  }
}
