// SPDX-License-Identifier: Apache-2.0
// What the attention files share among themselves: the lanes of a panel, score transforms, partial results, output.
#ifndef RAPT_CPU_SDPA_PARTS_H
#define RAPT_CPU_SDPA_PARTS_H

#include <math.h>
#include <stdatomic.h>

#include "cpu/engine/rows.h"
#include "cpu/kernels/kernels.h"
#include "cpu/sdpa/sdpa.h"

// The query rows in the lanes of one score panel, and which keys they see.
typedef struct rapt_sdpa_lanes {
  int64_t batch;
  // Lanes in use, and lanes in all.
  int64_t count;
  int64_t width;
  int64_t head[RAPT_MAX_PANEL_WIDTH];
  int64_t query[RAPT_MAX_PANEL_WIDTH];
  // Visible keys first <= j < last by causality and window, of those that these cover.
  int64_t first[RAPT_MAX_PANEL_WIDTH];
  int64_t last[RAPT_MAX_PANEL_WIDTH];
  // Every lane sees keys in [common_first, common_last); no lane sees a key outside [low, high).
  int64_t common_first;
  int64_t common_last;
  int64_t low;
  int64_t high;
} rapt_sdpa_lanes;

// Lanes for rows row .. row + count of a unit (batch, kv_head).
void rapt_sdpa_lanes_fill(const rapt_sdpa_problem *problem, int64_t batch, int64_t kv_head, int64_t row, int64_t count,
                          int64_t width, rapt_sdpa_lanes *lanes);

// Room for score transforms of up to `keys` keys by `width` lanes.
typedef struct rapt_sdpa_workspace {
  // [key][lane]
  float *bias_panel;
  // [lane][key]
  float *rows;
} rapt_sdpa_workspace;

void rapt_sdpa_workspace_lay(rapt_arena *arena, const rapt_sdpa_problem *problem, int64_t keys, int64_t width,
                             rapt_sdpa_workspace *room);

// Whether rapt_sdpa_transform_scores has nothing to do to them.
int rapt_sdpa_scores_are_bare(const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes, int64_t j, int64_t keys);

// From dot products in scores[key][lane] of keys j .. j + keys to what the softmax takes; writes the weights output on
// the way. Returns whether a key may be masked for some lane.
int rapt_sdpa_transform_scores(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                               const rapt_sdpa_lanes *lanes, int64_t j, int64_t keys, float *scores,
                               const rapt_sdpa_workspace *room);

// The same for dot products in scores[row * stride + key], without a weights output; room holds `keys` floats. Up to
// RAPT_SCORE_MULTIPLE - 1 floats behind a row's keys may be overwritten.
int rapt_sdpa_transform_rows(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                             const rapt_sdpa_lanes *lanes, int64_t j, int64_t keys, int64_t stride, float *scores,
                             float *room);

static inline rapt_kv rapt_sdpa_keys(const rapt_sdpa_problem *problem) {
  const rapt_sdpa *c = &problem->call;
  return (rapt_kv){.rows = &c->key, .scale = &c->key_scale, .groups = c->key_scale_groups, .depth = c->head_dim};
}

static inline rapt_kv rapt_sdpa_values(const rapt_sdpa_problem *problem) {
  const rapt_sdpa *c = &problem->call;
  return (rapt_kv){.rows = &c->value, .scale = &c->value_scale, .groups = c->value_scale_groups, .depth = c->value_dim};
}

// Whether bf16 queries and keys are multiplied as such, by a tier that can. Its products and sums below 2^-126 are 0:
// of up to 1024 that shows in no score, unless the scale is beyond this.
#define RAPT_MOST_PAIR_SCALE 0x1p90f
static inline int rapt_sdpa_takes_pairs(const rapt_kernels *kernels, const rapt_sdpa_problem *problem) {
  const rapt_sdpa *c = &problem->call;
  return kernels->multiply_pairs != NULL && c->query.dtype == RAPT_BF16 && c->key.dtype == RAPT_BF16 &&
         fabsf(problem->score_scale) * problem->softmax_scale <= RAPT_MOST_PAIR_SCALE;
}

// Unnormalised results of one (unit, panel, split): maximum, sum, and output as [value_dim][lane] (prefill) or
// [lane][value_dim] (decode).
typedef struct rapt_sdpa_partials {
  int64_t width;
  int64_t output_size;
  // Decode: tasks of each unit that have not ended yet.
  atomic_int *tasks_left;
  float *maximum;
  float *sum;
  float *output;
} rapt_sdpa_partials;

void rapt_sdpa_partials_lay(rapt_arena *arena, const rapt_cpu_context *context, const rapt_sdpa_problem *problem,
                            const rapt_cpu_sdpa *geometry, rapt_sdpa_partials *partials);

// Merges the `splits` partials from index `first` on into the first of them.
void rapt_sdpa_partials_merge(const rapt_sdpa_partials *partials, const rapt_sdpa_problem *problem, rapt_sdpa_path path,
                              int64_t first, int64_t splits);

// Normalises and writes output, LSE and softmax weights for the lanes. output as in rapt_sdpa_partials; staging has
// room for width x value_dim floats (prefill), or is unused (decode).
void rapt_sdpa_finish(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes,
                      rapt_sdpa_path path, const float *maximum, const float *sum, float *output, float *staging);

// Around the softmax of scores whose terms of weight 0 will be left out: notes which keys are visible (a score of -inf
// is not), and sees to it that their weights are not 0.
void rapt_sdpa_note_visible(int64_t count, const float *scores, unsigned char *visible);
void rapt_sdpa_keep_visible(int64_t count, const unsigned char *visible, float *weights);

// What is known of a panel's maxima: nothing, that they stand above some keys that every lane saw, or that they had to
// move again.
typedef enum rapt_sdpa_trend {
  RAPT_SDPA_TREND_UNKNOWN,
  RAPT_SDPA_TREND_STEADY,
  RAPT_SDPA_TREND_RISING
} rapt_sdpa_trend;

// Per-thread scratch of the two paths.
typedef struct rapt_sdpa_prefill_slot {
  rapt_sdpa_lanes *lanes;
  // Per panel of the task: [head_dim][lane], [value_dim][lane], [lane], [lane].
  float *query;
  float *output;
  float *maximum;
  float *sum;
  // Whether output has been written yet.
  unsigned char *started;
  // How the maximum behaves, a rapt_sdpa_trend.
  unsigned char *trend;
  // [key][head_dim] and [key][value_dim], where the tensors' own layout will not do.
  float *keys;
  float *values;
  float *scores;
  // Which scores are of visible keys, where that matters.
  unsigned char *visible;
  float *correction;
  // Rows gathered from a last dimension that is not contiguous, and output on its way to one.
  float *rows;
  rapt_sdpa_workspace room;
} rapt_sdpa_prefill_slot;

void rapt_sdpa_prefill_slot_lay(rapt_arena *arena, const rapt_cpu_context *context, const rapt_sdpa_problem *problem,
                                const rapt_cpu_sdpa *geometry, rapt_sdpa_prefill_slot *slot);

typedef struct rapt_sdpa_decode_slot {
  rapt_sdpa_lanes *lanes;
  // [row][head_dim]
  float *query;
  // [row][value_dim]
  float *output;
  float *maximum;
  float *sum;
  // [row][key]
  float *scores;
  // Which scores are of visible keys, where that matters.
  unsigned char *visible;
  float *correction;
  // Keys or values widened in memory: a tile where the kernels do not read them as they lie, else one row.
  float *rows;
  // A row of biases.
  float *biases;
} rapt_sdpa_decode_slot;

void rapt_sdpa_decode_slot_lay(rapt_arena *arena, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *geometry,
                               rapt_sdpa_decode_slot *slot);

// The arguments of one parallel run.
typedef struct rapt_sdpa_job {
  rapt_cpu_context *context;
  const rapt_sdpa_problem *problem;
  const rapt_cpu_sdpa *geometry;
  unsigned char *slots;
  rapt_sdpa_partials partials;
} rapt_sdpa_job;

// Before the first decode task.
void rapt_sdpa_decode_begin(const rapt_sdpa_job *job);

// Task t of a parallel run, on the scratch of a slot. The last decode task of a unit writes the unit's results.
void rapt_sdpa_prefill_task(void *job, int64_t task, int32_t slot);
void rapt_sdpa_decode_task(void *job, int64_t task, int32_t slot);

#endif
