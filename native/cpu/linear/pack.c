// SPDX-License-Identifier: Apache-2.0
// Weights into panels: read once, in the order in which they lie, by all of the context's threads.
#include <string.h>

#include "base/arithmetic.h"
#include "cpu/engine/rows.h"
#include "cpu/linear/linear.h"

// Output and input features of a task: some mebibytes of panels, so that threads seldom wait for each other to get the
// same huge page, and fill one while it is still in a cache from being zeroed. Where output features are neighbours in
// memory, each input feature is a run of a few cache lines; runs of f32 that are shorter take longer on a Zen 4.
#define TASK_FEATURES 128
#define TASK_FEATURES_F32 256
#define TASK_DEPTH 4096
// Input features of a panel that are converted before they are transposed; 16 KiB, which L1 keeps.
#define STAGED 128
// How many runs ahead cache lines are asked for: a run is too short for the CPU to see where it leads.
#define RUNS_AHEAD 4
#define LINE 64
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
  // Of all tasks; those that follow each other have other panels.
  int64_t panel_tasks;
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

// Asks for the cache lines of elements that are read soon, where each line holds some.
static void prefetch_elements(const char *first, int64_t step, int64_t count) {
  if (step > LINE || step < -LINE) return;
  if (step < 0) first += (count - 1) * step;
  int64_t bytes = count * (step < 0 ? -step : step);
  for (int64_t at = 0; at < bytes; at += LINE) __builtin_prefetch(first + at, 0, 2);
}

// Input features from .. to of a panel, transposed from rows that are read as they lie or in converted pieces.
static void pack_rows(const packing *p, int64_t panel, int64_t from, int64_t to) {
  float staged[RAPT_MAX_PANEL_WIDTH * STAGED];
  const float *rows[RAPT_MAX_PANEL_WIDTH];
  const rapt_tensor *w = &p->parameters->weight;
  int64_t width = p->kernels->panel_width, count = features_of(p, panel);
  int64_t step = rapt_is_plain(w->dtype, w->stride[1]) ? to - from : STAGED;
  int64_t apart = w->stride[1] * rapt_element_size(w->dtype);
  for (int64_t k = from; k < to; k += step) {
    int64_t depth = rapt_min(step, to - k);
    for (int64_t i = 0; i < count; i++) {
      const char *row = weight_at(p, panel * width + i, k);
      if (k + step < to) prefetch_elements(row + step * apart, apart, rapt_min(step, to - k - step));
      rows[i] = rapt_read_row(p->kernels, w->dtype, row, w->stride[1], depth, staged + i * STAGED);
    }
    p->kernels->pack(rows, count, depth, width, panel_at(p, panel, k));
  }
}

// Input features from .. to of panels, whose output features already lie beside each other.
static void pack_columns(const packing *p, int64_t first, int64_t last, int64_t from, int64_t to) {
  float staged[TASK_FEATURES_F32];
  const rapt_tensor *w = &p->parameters->weight;
  int64_t width = p->kernels->panel_width, feature = first * width;
  int64_t count = rapt_min(p->parameters->out_features, last * width) - feature;
  int64_t apart = w->stride[0] * rapt_element_size(w->dtype);
  for (int64_t k = from; k < to; k++) {
    if (k + RUNS_AHEAD < to) prefetch_elements(weight_at(p, feature, k + RUNS_AHEAD), apart, count);
    const float *run = rapt_read_row(p->kernels, w->dtype, weight_at(p, feature, k), w->stride[0], count, staged);
    for (int64_t panel = first; panel < last; panel++, run += width) {
      int64_t features = features_of(p, panel);
      float *to_panel = panel_at(p, panel, k);
      memcpy(to_panel, run, (size_t)features * sizeof *run);
      if (features < width) memset(to_panel + features, 0, (size_t)(width - features) * sizeof *run);
    }
  }
}

static void pack_task(void *argument, int64_t task, int32_t slot) {
  (void)slot;
  const packing *p = argument;
  int64_t panels = rapt_ceil_div(p->parameters->out_features, p->kernels->panel_width);
  int64_t first = task % p->panel_tasks * p->task_panels, last = rapt_min(first + p->task_panels, panels);
  int64_t from = task / p->panel_tasks * p->task_depth, to = rapt_min(from + p->task_depth, p->parameters->in_features);
  if (p->by_columns) {
    pack_columns(p, first, last, from, to);
  } else {
    for (int64_t panel = first; panel < last; panel++) pack_rows(p, panel, from, to);
  }
}

static int64_t distance(int64_t stride) { return stride < 0 ? -(stride + 1) : stride - 1; }

void rapt_cpu_pack(rapt_cpu_context *context, const rapt_linear_parameters *parameters, float *panels) {
  const rapt_tensor *w = &parameters->weight;
  int64_t in = parameters->in_features, out = parameters->out_features, width = context->kernels.panel_width;
  packing p = {.kernels = &context->kernels, .parameters = parameters, .panels = panels};
  // A stride of a dimension of one element says nothing.
  p.by_columns = in == 1 || (out > 1 && distance(w->stride[0]) < distance(w->stride[1]));
  p.task_panels = (w->dtype == RAPT_F32 ? TASK_FEATURES_F32 : TASK_FEATURES) / width;
  p.panel_tasks = rapt_ceil_div(rapt_ceil_div(out, width), p.task_panels);
  p.task_depth = rapt_even_step(in, TASK_DEPTH);
  int64_t tasks = p.panel_tasks * rapt_ceil_div(in, p.task_depth);
  double work = (double)in * (double)out * WORK_PER_WEIGHT;
  rapt_parallel(context->pool, tasks, rapt_share_work(context->pool, tasks, work, context->kernels.lanes), pack_task,
                &p);
}
