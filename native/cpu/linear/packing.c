// SPDX-License-Identifier: Apache-2.0
#include "cpu/linear/packing.h"

// Output and input features of a task: some mebibytes of panels, so that threads seldom wait for each other to get the
// same huge page, and fill one while it is still in a cache from being zeroed. Where output features are neighbours in
// memory, each input feature is a run of a few cache lines; runs of f32 that are shorter take longer on a Zen 4.
#define TASK_FEATURES 128
#define TASK_FEATURES_F32 RAPT_MOST_PACKED_FEATURES
#define TASK_DEPTH 4096
#define LINE 64
// What a weight costs, in the multiply-adds that rapt_share_work counts: it comes from memory.
#define WORK_PER_WEIGHT 64

void rapt_packing_prefetch(const void *first, int64_t step, int64_t count) {
  const char *at = first;
  if (step > LINE || step < -LINE) return;
  if (step < 0) at += (count - 1) * step;
  int64_t bytes = count * (step < 0 ? -step : step);
  for (int64_t i = 0; i < bytes; i += LINE) __builtin_prefetch(at + i, 0, 2);
}

static int64_t distance(int64_t stride) { return stride < 0 ? -(stride + 1) : stride - 1; }

// Whether neighbours in memory are output features, and not input features. A stride of a dimension of one element says
// nothing.
static int is_by_columns(const rapt_linear_parameters *parameters) {
  const rapt_tensor *w = &parameters->weight;
  return parameters->in_features == 1 ||
         (parameters->out_features > 1 && distance(w->stride[0]) < distance(w->stride[1]));
}

static void pack_task(void *argument, int64_t task, int32_t slot) {
  (void)slot;
  const rapt_packing *p = argument;
  int64_t panels = rapt_ceil_div(p->parameters->out_features, p->kernels->panel_width);
  int64_t first = task % p->panel_tasks * p->task_panels, last = rapt_min(first + p->task_panels, panels);
  int64_t from = task / p->panel_tasks * p->task_depth, to = rapt_min(from + p->task_depth, p->parameters->in_features);
  if (is_by_columns(p->parameters)) {
    p->columns(p, first, last, from, to);
  } else {
    for (int64_t panel = first; panel < last; panel++) p->rows(p, panel, from, to);
  }
}

void rapt_packing_run(rapt_cpu_context *context, rapt_packing *p, int64_t unit) {
  int64_t in = p->parameters->in_features, out = p->parameters->out_features, width = p->kernels->panel_width;
  int32_t dtype = p->parameters->weight.dtype;
  p->task_panels = (dtype == RAPT_F32 ? TASK_FEATURES_F32 : TASK_FEATURES) / width;
  p->panel_tasks = rapt_ceil_div(rapt_ceil_div(out, width), p->task_panels);
  p->task_depth = rapt_even_step(in / unit, TASK_DEPTH / unit) * unit;
  int64_t tasks = p->panel_tasks * rapt_ceil_div(in, p->task_depth);
  double work = (double)in * (double)out * WORK_PER_WEIGHT;
  rapt_share share = rapt_share_work(context->pool, tasks, work, context->kernels.lanes);
  rapt_parallel(context->pool, tasks, share, pack_task, p);
}
