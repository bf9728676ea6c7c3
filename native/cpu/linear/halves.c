// SPDX-License-Identifier: Apache-2.0
// Weights that stay f16 or bf16 into panels: pairs of neighbouring input features, transposed as 32-bit words.
#include <string.h>

#include "base/arithmetic.h"
#include "cpu/engine/rows.h"
#include "cpu/linear/linear.h"

// Weights per task, and what a weight costs; see rapt_cpu_pack.
#define TASK_WEIGHTS (INT64_C(256) << 10)
#define WORK_PER_WEIGHT 32
// Pairs of a panel that are packed at a time: 16 KiB of words, which L1 keeps.
#define SOME_PAIRS 128
// Panels that are filled side by side where output features are neighbours in memory; see rapt_cpu_pack.
#define COLUMN_PANELS 16

typedef struct packing {
  const rapt_kernels *kernels;
  const rapt_linear_parameters *parameters;
  uint16_t *panels;
  // Whether neighbours in memory are output features, and not input features.
  int by_columns;
  // Of a task: panels, and input features, which are even.
  int64_t task_panels;
  int64_t task_depth;
  int64_t depth_tasks;
} packing;

static int64_t features_of(const packing *p, int64_t panel) {
  int64_t width = p->kernels->panel_width;
  return rapt_min(width, p->parameters->out_features - panel * width);
}

static const uint16_t *weight_at(const packing *p, int64_t feature, int64_t k) {
  const rapt_tensor *w = &p->parameters->weight;
  return rapt_offset(w, feature * w->stride[0] + k * w->stride[1]);
}

// Where input features k and k + 1 of a panel go.
static uint16_t *pair_at(const packing *p, int64_t panel, int64_t k) {
  return p->panels + (panel * p->parameters->in_features + k) * p->kernels->panel_width;
}

// From pairs to rows of `width`, two of each row of words.
static void unzip(const uint32_t *words, int64_t pairs, int64_t width, uint16_t *to) {
  for (int64_t pair = 0; pair < pairs; pair++, words += width, to += 2 * width) {
    for (int64_t i = 0; i < width; i++) {
      to[i] = (uint16_t)words[i];
      to[width + i] = (uint16_t)(words[i] >> 16);
    }
  }
}

// Input features from .. to of a panel, from rows.
static void pack_rows(const packing *p, int64_t panel, int64_t from, int64_t to) {
  float staged[RAPT_MAX_PANEL_WIDTH * SOME_PAIRS], words[RAPT_MAX_PANEL_WIDTH * SOME_PAIRS + RAPT_PACK_SLACK];
  const float *rows[RAPT_MAX_PANEL_WIDTH];
  const rapt_tensor *w = &p->parameters->weight;
  int64_t width = p->kernels->panel_width, count = features_of(p, panel);
  int is_pairs = w->dtype == RAPT_BF16;
  for (int64_t k = from; k < to; k += 2 * SOME_PAIRS) {
    int64_t depth = rapt_min(2 * SOME_PAIRS, to - k);
    for (int64_t i = 0; i < count; i++) {
      rows[i] = rapt_read_pairs(weight_at(p, panel * width + i, k), w->stride[1], depth, staged + i * SOME_PAIRS);
    }
    uint16_t *out = pair_at(p, panel, k);
    p->kernels->pack(rows, count, depth / 2, width, is_pairs ? (float *)out : words);
    if (!is_pairs) unzip((const uint32_t *)words, depth / 2, width, out);
  }
}

// Input features k and k + 1 of a panel, whose output features already lie beside each other.
static void pack_columns(const packing *p, int64_t panel, int64_t k) {
  const rapt_tensor *w = &p->parameters->weight;
  int64_t width = p->kernels->panel_width, count = features_of(p, panel);
  uint16_t rows[2][RAPT_MAX_PANEL_WIDTH] = {{0}}, *to = pair_at(p, panel, k);
  for (int h = 0; h < 2; h++) rapt_read_bf16(weight_at(p, panel * width, k + h), w->stride[0], count, rows[h]);
  if (w->dtype == RAPT_F16) {
    for (int h = 0; h < 2; h++) memcpy(to + h * width, rows[h], (size_t)width * sizeof *to);
    return;
  }
  for (int64_t i = 0; i < width; i++) {
    to[2 * i] = rows[0][i];
    to[2 * i + 1] = rows[1][i];
  }
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
  for (int64_t k = from; k < to; k += 2) {
    for (int64_t panel = first; panel < last; panel++) pack_columns(p, panel, k);
  }
}

static int64_t distance(int64_t stride) { return stride < 0 ? -(stride + 1) : stride - 1; }

void rapt_cpu_pack_halves(rapt_cpu_context *context, const rapt_linear_parameters *parameters, void *panels) {
  const rapt_tensor *w = &parameters->weight;
  int64_t in = parameters->in_features, out = parameters->out_features, width = context->kernels.panel_width;
  packing p = {.kernels = &context->kernels, .parameters = parameters, .panels = panels, .task_panels = 1};
  p.by_columns = out > 1 && distance(w->stride[0]) < distance(w->stride[1]);
  if (p.by_columns) p.task_panels = COLUMN_PANELS;
  p.task_depth = 2 * rapt_even_step(in / 2, rapt_max(1, TASK_WEIGHTS / (2 * p.task_panels * width)));
  p.depth_tasks = rapt_ceil_div(in, p.task_depth);
  int64_t tasks = rapt_ceil_div(rapt_ceil_div(out, width), p.task_panels) * p.depth_tasks;
  double work = (double)in * (double)out * WORK_PER_WEIGHT;
  rapt_parallel(context->pool, tasks, rapt_share_work(context->pool, tasks, work, context->kernels.lanes), pack_task,
                &p);
}
