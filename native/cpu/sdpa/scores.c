// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/scores.h"

#include "base/arithmetic.h"
#include "cpu/sdpa/weights.h"

void rapt_sdpa_scores_lay(rapt_arena *arena, const rapt_sdpa_problem *problem, int64_t keys, int64_t width,
                          rapt_sdpa_bias_scratch *scratch) {
  *scratch = (rapt_sdpa_bias_scratch){0};
  if (rapt_sdpa_has_bias(problem)) {
    scratch->panel = rapt_arena_take(arena, keys * width + RAPT_PACK_SLACK, sizeof(float));
  }
  int kept = rapt_sdpa_keeps_weights(problem);
  if (rapt_sdpa_stages_bias(problem) || (rapt_sdpa_stages_weights(problem) && !kept)) {
    scratch->rows = rapt_arena_take(arena, keys * width, sizeof(float));
  }
  scratch->weights = scratch->rows;
  if (kept) {
    int64_t lanes = rapt_min(width, problem->rows);
    scratch->weights = rapt_arena_take(arena, problem->call.kv_len * lanes, sizeof(float));
  }
}

int rapt_sdpa_scores_are_bare(const rapt_sdpa_problem *problem, const rapt_sdpa_visibility *visibility, int64_t j,
                              int64_t keys) {
  const rapt_sdpa *c = &problem->call;
  return problem->score_scale == 1 && c->options.softcap == 0 && !rapt_is_present(&c->weights) &&
         !rapt_sdpa_has_alibi(problem) && !rapt_sdpa_has_bias(problem) &&
         rapt_sdpa_all_see(visibility, j, rapt_sdpa_covered(problem, j, keys));
}

void rapt_sdpa_transform_scores(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                                const rapt_sdpa_visibility *visibility, int64_t j, int64_t keys,
                                const rapt_sdpa_bias_scratch *scratch, float *scores) {
  const rapt_sdpa *c = &problem->call;
  const rapt_sdpa_queries *queries = &visibility->queries;
  int64_t covered = rapt_sdpa_covered(problem, j, keys);
  if (problem->score_scale != 1) kernels->scale(keys * queries->width, problem->score_scale, scores);
  if (rapt_sdpa_shows(problem, RAPT_WEIGHTS_RAW)) {
    rapt_sdpa_write_weights(kernels, problem, queries, j, keys, scores, scratch->weights);
  }
  if (c->options.softcap > 0) kernels->softcap(keys * queries->width, c->options.softcap, scores);
  if (rapt_sdpa_shows(problem, RAPT_WEIGHTS_SOFTCAP)) {
    rapt_sdpa_write_weights(kernels, problem, queries, j, keys, scores, scratch->weights);
  }
  if (covered > 0) {
    if (rapt_sdpa_has_alibi(problem)) rapt_sdpa_subtract_alibi(kernels, problem, queries, j, covered, scores);
    if (rapt_sdpa_has_bias(problem)) rapt_sdpa_add_bias(kernels, problem, queries, j, covered, scratch, scores);
    rapt_sdpa_hide(kernels, visibility, j, covered, scores);
  }
  if (rapt_sdpa_shows(problem, RAPT_WEIGHTS_BIAS) || rapt_sdpa_shows(problem, RAPT_WEIGHTS_SOFTMAX)) {
    rapt_sdpa_write_weights(kernels, problem, queries, j, keys, scores, scratch->weights);
  }
}

void rapt_sdpa_transform_rows(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                              const rapt_sdpa_visibility *visibility, int64_t j, int64_t keys, int64_t stride,
                              float *staged, float *scores) {
  const rapt_sdpa_queries *queries = &visibility->queries;
  float softcap = problem->call.options.softcap;
  int64_t covered = rapt_sdpa_covered(problem, j, keys);
  for (int64_t r = 0; r < queries->count; r++) {
    float *row = scores + r * stride;
    if (problem->score_scale != 1) kernels->scale(keys, problem->score_scale, row);
    if (softcap > 0) kernels->softcap(keys, softcap, row);
    if (covered == 0) continue;
    if (rapt_sdpa_has_alibi(problem)) rapt_sdpa_subtract_alibi_from_row(problem, queries, r, j, covered, row);
    if (rapt_sdpa_has_bias(problem)) rapt_sdpa_add_bias_to_row(kernels, problem, queries, r, j, covered, staged, row);
    rapt_sdpa_hide_in_row(visibility, r, j, covered, row);
  }
}
