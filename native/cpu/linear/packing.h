// SPDX-License-Identifier: Apache-2.0
// Going through a weight matrix of any strides, panel by panel, on all of a context's threads.
#ifndef RAPT_CPU_LINEAR_PACKING_H
#define RAPT_CPU_LINEAR_PACKING_H

#include "base/arithmetic.h"
#include "cpu/engine/rows.h"
#include "cpu/linear/linear.h"

// The most output features of a task whose weights are columns.
#define RAPT_MOST_PACKED_FEATURES 256
// How many runs ahead cache lines are asked for: a run is too short for the CPU to see where it leads.
#define RAPT_RUNS_AHEAD 4

typedef struct rapt_packing rapt_packing;
struct rapt_packing {
  const rapt_kernels *kernels;
  const rapt_linear_parameters *parameters;
  void *panels;
  // Fills input features from .. to of a panel, whose neighbours in memory are input features.
  void (*rows)(const rapt_packing *p, int64_t panel, int64_t from, int64_t to);
  // Fills input features from .. to of panels first .. last, whose neighbours in memory are output features.
  void (*columns)(const rapt_packing *p, int64_t first, int64_t last, int64_t from, int64_t to);
  // Of a task.
  int64_t task_panels;
  int64_t task_depth;
  // Of all tasks; those that follow each other have other panels.
  int64_t panel_tasks;
};

// Fills all panels; the first five fields are set. `unit` divides the input features of every task.
void rapt_packing_run(rapt_cpu_context *context, rapt_packing *p, int64_t unit);

static inline int64_t rapt_packing_features(const rapt_packing *p, int64_t panel) {
  int64_t width = p->kernels->panel_width;
  return rapt_min(width, p->parameters->out_features - panel * width);
}

static inline const void *rapt_packing_weight(const rapt_packing *p, int64_t feature, int64_t k) {
  const rapt_tensor *w = &p->parameters->weight;
  return rapt_offset(w, feature * w->stride[0] + k * w->stride[1]);
}

// Asks for the cache lines of elements that are read soon, where each line holds some.
void rapt_packing_prefetch(const void *first, int64_t step, int64_t count);

#endif
