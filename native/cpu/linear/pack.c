// SPDX-License-Identifier: Apache-2.0
// Weights into panels: read once, in the order in which they lie, by all of the context's threads.
#include <string.h>

#include "base/arithmetic.h"
#include "cpu/engine/rows.h"
#include "cpu/linear/linear.h"

// Weights per task: half a mebibyte of panels, so that handing it out costs nothing beside it, and a layer of a million
// weights still feeds many threads.
#define TASK_WEIGHTS (INT64_C(128) << 10)
// Panels that are filled side by side where output features are neighbours in memory: a row of them is some KiB, which
// reads whole cache lines and most of a page.
#define COLUMN_PANELS 16
// Input features of a panel that are converted before they are transposed; 16 KiB, which L1 keeps.
#define STAGED 128
// What a weight costs, in the multiply-adds that rapt_share_work counts: it comes from memory.
#define WORK_PER_WEIGHT 64

typedef struct packing {
  const rapt_kernels *kernels;
  const rapt_linear_parameters *parameters;
  float *panels;
  // Whether neighbours in memory are output features, and not input features.
  int by_columns;
  // Of a task.
  int64_t task_panels;
  int64_t task_depth;
  int64_t depth_tasks;
} packing;

static int64_t features_of(const packing *p, int64_t panel) {
  int64_t width = p->kernels->panel_width;
  return rapt_min(width, p->parameters->out_features - panel * width);
}

static const void *weight_at(const packing *p, int64_t feature, int64_t k) {
  const rapt_tensor *w = &p->parameters->weight;
  return rapt_offset(w, feature * w->stride[0] + k * w->stride[1]);
}

static float *panel_at(const packing *p, int64_t panel, int64_t k) {
  return p->panels + (panel * p->parameters->in_features + k) * p->kernels->panel_width;
}

// Input features from .. to of a panel, transposed from rows that are read as they lie or in converted pieces.
static void pack_rows(const packing *p, int64_t panel, int64_t from, int64_t to) {
  float staged[RAPT_MAX_PANEL_WIDTH * STAGED];
  const float *rows[RAPT_MAX_PANEL_WIDTH];
  const rapt_tensor *w = &p->parameters->weight;
  int64_t width = p->kernels->panel_width, count = features_of(p, panel);
  int64_t step = rapt_is_plain(w->dtype, w->stride[1]) ? to - from : STAGED;
  for (int64_t k = from; k < to; k += step) {
    int64_t depth = rapt_min(step, to - k);
    for (int64_t i = 0; i < count; i++) {
      const void *row = weight_at(p, panel * width + i, k);
      rows[i] = rapt_read_row(p->kernels, w->dtype, row, w->stride[1], depth, staged + i * STAGED);
    }
    p->kernels->pack(rows, count, depth, width, panel_at(p, panel, k));
  }
}

// Input feature k of a panel, whose output features already lie beside each other.
static void pack_column(const packing *p, int64_t panel, int64_t k) {
  const rapt_tensor *w = &p->parameters->weight;
  int64_t width = p->kernels->panel_width, count = features_of(p, panel);
  float *to = panel_at(p, panel, k);
  const float *from = rapt_read_row(p->kernels, w->dtype, weight_at(p, panel * width, k), w->stride[0], count, to);
  if (from != to) memcpy(to, from, (size_t)count * sizeof *to);
  memset(to + count, 0, (size_t)(width - count) * sizeof *to);
}

static void pack_task(void *argument, int64_t task, int32_t slot) {
  (void)slot;
  const packing *p = argument;
  int64_t panels = rapt_ceil_div(p->parameters->out_features, p->kernels->panel_width);
  int64_t first = task / p->depth_tasks * p->task_panels, last = rapt_min(first + p->task_panels, panels);
  int64_t from = task % p->depth_tasks * p->task_depth, to = rapt_min(from + p->task_depth, p->parameters->in_features);
  if (!p->by_columns) {
    for (int64_t panel = first; panel < last; panel++) pack_rows(p, panel, from, to);
    return;
  }
  for (int64_t k = from; k < to; k++) {
    for (int64_t panel = first; panel < last; panel++) pack_column(p, panel, k);
  }
}

static int64_t distance(int64_t stride) { return stride < 0 ? -(stride + 1) : stride - 1; }

void rapt_cpu_pack(rapt_cpu_context *context, const rapt_linear_parameters *parameters, float *panels) {
  const rapt_tensor *w = &parameters->weight;
  int64_t in = parameters->in_features, out = parameters->out_features, width = context->kernels.panel_width;
  packing p = {.kernels = &context->kernels, .parameters = parameters, .panels = panels, .task_panels = 1};
  // A stride of a dimension of one element says nothing.
  p.by_columns = in == 1 || (out > 1 && distance(w->stride[0]) < distance(w->stride[1]));
  if (p.by_columns) p.task_panels = COLUMN_PANELS;
  p.task_depth = rapt_even_step(in, rapt_max(1, TASK_WEIGHTS / (p.task_panels * width)));
  p.depth_tasks = rapt_ceil_div(in, p.task_depth);
  int64_t tasks = rapt_ceil_div(rapt_ceil_div(out, width), p.task_panels) * p.depth_tasks;
  double work = (double)in * (double)out * WORK_PER_WEIGHT;
  rapt_parallel(context->pool, tasks, rapt_share_work(context->pool, tasks, work, context->kernels.lanes), pack_task,
                &p);
}
