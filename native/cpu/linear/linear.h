// SPDX-License-Identifier: Apache-2.0
// Linear projections: packed weights, and the product that multi-head attention and rapt_linear_run share.
#ifndef RAPT_CPU_LINEAR_LINEAR_H
#define RAPT_CPU_LINEAR_LINEAR_H

#include "cpu/engine/engine.h"
#include "ops/linear/problem.h"
#include "rapt/rapt.h"

// A linear of the CPU.
typedef struct rapt_cpu_linear_weights {
  rapt_linear_weights head;
  int32_t isa;
  // The dtype of the weights as they were given, and that of the panels; see rapt_cpu_stored.
  int32_t dtype;
  int32_t stored;
  int64_t panel_width;
  // Panels of panel_width output features: [panel][in_feature][feature in panel], zero beyond the last feature; pairs
  // of input features where they are bf16; or the blocks of rapt_block_panel where rapt_cpu_in_blocks says so.
  void *panels;
  // One per feature of the panels, zeros where there is no bias.
  float *bias;
  // Whether input is rounded to bytes; panels are then as rapt_integer_product has them. scales: of i8, one per feature
  // of the panels, else NULL.
  int in_integers;
  float *scales;
} rapt_cpu_linear_weights;

typedef struct rapt_cpu_linear_step {
  int64_t row_block;
  int64_t row_blocks;
  // Input features per step.
  int64_t depth_block;
  // Weight panels in all, per task, and per group: each tile of rows is multiplied by a whole group before the next.
  int64_t panels;
  int64_t task_panels;
  int64_t group_panels;
  int64_t tasks;
  // Multiply-adds.
  double work;
  int64_t slot_scratch;
} rapt_cpu_linear_step;

// A projection in integers.
typedef struct rapt_cpu_integers {
  // Rows at a time.
  int64_t stretch;
  int64_t blocks;
  // Weight panels in all, and per task.
  int64_t panels;
  int64_t task_panels;
  // Of rounding the input, and of the products.
  rapt_share rounding;
  rapt_share share;
  // Bytes.
  int64_t scratch;
} rapt_cpu_integers;

// The most projections that run side by side: query, key and value.
#define RAPT_MOST_LINEARS 3

// Projections that do not depend on each other, as one parallel run. Those in integers come one by one after it.
typedef struct rapt_cpu_linears {
  int count;
  rapt_cpu_linear_step steps[RAPT_MOST_LINEARS];
  rapt_cpu_integers integers[RAPT_MOST_LINEARS];
  // Those of the steps; the integers have their own.
  int64_t tasks;
  rapt_share share;
  // The most threads that any of them takes.
  int32_t threads;
  // Bytes.
  int64_t slot_scratch;
  int64_t scratch;
} rapt_cpu_linears;

_Static_assert(sizeof(rapt_cpu_linears) <= RAPT_PLAN_ROOM, "a call's room");

// Pure; returns 0 where sizes overflow. head_features are multiples of the tier's panel width.
int rapt_cpu_plan_linears(const rapt_cpu_context *context, const rapt_product *const *projections, int count,
                          rapt_cpu_linears *group);

// Runs the projections that were planned; memory holds group->scratch bytes.
void rapt_cpu_execute_linears(rapt_cpu_context *context, const rapt_product *const *projections,
                              const rapt_cpu_linears *group, void *memory);

// Fills the panels of a linear on the context's threads: as rapt_cpu_linear_weights has them, in the context's tier,
// with RAPT_PACK_SLACK floats behind them. The parameters are checked.
void rapt_cpu_pack(rapt_cpu_context *context, const rapt_linear_parameters *parameters, float *panels);

// The same for weights that stay f16 or bf16, with as much behind them.
void rapt_cpu_pack_halves(rapt_cpu_context *context, const rapt_linear_parameters *parameters, void *panels);

// The same for weights that stay blocks or i8, with nothing behind them. Scales of i8 are not among the panels.
void rapt_cpu_pack_blocks(rapt_cpu_context *context, const rapt_linear_parameters *parameters, void *panels);

// Input features that kernels take at a time from panels of a dtype.
static inline int64_t rapt_cpu_stored_unit(int32_t stored) {
  return stored == RAPT_F32 ? 1 : stored == RAPT_F16 || stored == RAPT_BF16 ? 2 : RAPT_BLOCK;
}

// The dtype of the panels: weights stay as they are, since few rows of input wait for reading them, but those whose
// input features are not a multiple of what kernels take become f32.
static inline int32_t rapt_cpu_stored(int32_t dtype, int64_t in_features) {
  return in_features % rapt_cpu_stored_unit(dtype) == 0 ? dtype : RAPT_F32;
}

// Whether panels are blocks of rapt_block_panel.
static inline int rapt_cpu_in_blocks(int32_t stored) { return rapt_cpu_stored_unit(stored) == RAPT_BLOCK; }

// The offset of an output feature that begins a panel from feature 0, in elements. A head consists of whole panels.
static inline int64_t rapt_cpu_panel_offset(const rapt_product *p, int64_t feature) {
  if (p->head_features == 0) return feature * p->output.stride[2];
  return feature / p->head_features * p->head_stride + feature % p->head_features * p->output.stride[2];
}

// Bytes of `depth` input features, whole blocks, of a panel.
static inline int64_t rapt_cpu_panel_bytes(int32_t stored, int64_t width, int64_t depth) {
  return width * rapt_row_bytes(stored, depth);
}

extern const rapt_device_operation rapt_cpu_linear_operation;

// The device's functions for weights; see rapt_device.
rapt_status rapt_cpu_check_weights(const rapt_context *context, const char *name, const rapt_linear_weights *weights,
                                   rapt_error *error);
rapt_status rapt_cpu_weights_create(rapt_context *context, const rapt_linear_parameters *parameters,
                                    rapt_linear_weights **out, rapt_error *error);
void rapt_cpu_weights_destroy(rapt_linear_weights *weights);

#endif
