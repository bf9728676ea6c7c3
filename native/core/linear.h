// SPDX-License-Identifier: Apache-2.0
// Linear projections: packed weights, and the product that multi-head attention and rapt_linear_run share.
#ifndef RAPT_CORE_LINEAR_H
#define RAPT_CORE_LINEAR_H

#include "core/context.h"
#include "core/projection.h"
#include "rapt/rapt.h"

// A linear of the CPU.
typedef struct rapt_packed_linear {
  rapt_linear head;
  int32_t isa;
  int64_t panel_width;
  // Panels of panel_width output features: [panel][in_feature][feature in panel], zero behind the last feature.
  float *panels;
  // One per feature of the panels, zeros where there is no bias.
  float *bias;
} rapt_packed_linear;

typedef struct rapt_projection_geometry {
  int64_t row_block;
  int64_t row_blocks;
  // Input features per step.
  int64_t depth_block;
  // Weight panels: in all, per task, and as many as a tile of rows passes over before the next tile.
  int64_t panels;
  int64_t task_panels;
  int64_t group_panels;
  int64_t tasks;
  // Multiply-adds.
  double work;
  int64_t slot_scratch;
} rapt_projection_geometry;

// The most projections that run side by side: query, key and value.
#define RAPT_MOST_PROJECTIONS 3

// Projections that do not wait for each other, as one parallel run.
typedef struct rapt_projection_group {
  int count;
  rapt_projection_geometry geometries[RAPT_MOST_PROJECTIONS];
  int64_t tasks;
  rapt_share share;
  // Bytes.
  int64_t slot_scratch;
  int64_t scratch;
} rapt_projection_group;

// Pure; returns 0 where sizes overflow. head_features are multiples of the tier's panel width.
int rapt_projection_plan(const rapt_context *context, const rapt_projection *const *projections, int count,
                         rapt_projection_group *group);

// For the projections that were planned; memory holds group->scratch bytes.
void rapt_projection_run(rapt_context *context, const rapt_projection *const *projections,
                         const rapt_projection_group *group, void *memory);

// A rapt_linear_check: whether the linear was packed for this rapt_context's tier.
rapt_status rapt_check_linear(const void *context, const char *name, const rapt_linear *linear, rapt_error *error);

#endif
