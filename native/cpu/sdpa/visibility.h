// SPDX-License-Identifier: Apache-2.0
// Which keys a query row sees. Causality and windows leave every row an interval of keys, which starts from the row's
// position; masks, padding and biases of -inf take single keys out of it; appended keys are seen by all rows. New rules
// (block lists, trees) belong here.
#ifndef RAPT_CPU_SDPA_VISIBILITY_H
#define RAPT_CPU_SDPA_VISIBILITY_H

#include "base/arithmetic.h"
#include "cpu/sdpa/bias.h"
#include "cpu/sdpa/queries.h"

typedef struct rapt_sdpa_visibility {
  rapt_sdpa_queries queries;
  // By causality and window the lane sees keys first <= j < last, and appended keys, which neither applies to.
  int64_t first[RAPT_MAX_PANEL_WIDTH];
  int64_t last[RAPT_MAX_PANEL_WIDTH];
  // Every lane sees keys in [common_first, common_last); no lane needs a key outside [low, high).
  int64_t common_first;
  int64_t common_last;
  int64_t low;
  int64_t high;
} rapt_sdpa_visibility;

// For rows row .. row + count of (batch, kv_head).
void rapt_sdpa_visibility_fill(const rapt_sdpa_problem *problem, int64_t batch, int64_t kv_head, int64_t row,
                               int64_t count, int64_t width, rapt_sdpa_visibility *visibility);

// How many of keys j .. j + keys are not appended: every rule here and every bias applies to these only.
static inline int64_t rapt_sdpa_covered(const rapt_sdpa_problem *problem, int64_t j, int64_t keys) {
  return rapt_clamp(problem->call.kv_len - problem->appended_keys - j, 0, keys);
}

// The distance of a lane's position from key j; negative where the key comes later.
float rapt_sdpa_distance(const rapt_sdpa_problem *problem, const rapt_sdpa_queries *queries, int64_t r, int64_t j);

// Whether every lane sees keys j .. j + covered by causality and window.
static inline int rapt_sdpa_all_see(const rapt_sdpa_visibility *visibility, int64_t j, int64_t covered) {
  return covered == 0 || (j >= visibility->common_first && j + covered <= visibility->common_last);
}

// Whether some lane may not see one of keys j .. j + keys, for whatever reason.
static inline int rapt_sdpa_may_hide(const rapt_sdpa_problem *problem, const rapt_sdpa_visibility *visibility,
                                     int64_t j, int64_t keys) {
  int64_t covered = rapt_sdpa_covered(problem, j, keys);
  return covered > 0 && (rapt_sdpa_has_bias(problem) || !rapt_sdpa_all_see(visibility, j, covered));
}

// Sets scores of keys j .. j + covered that causality or window hide to -inf: all lanes of scores[key][lane], or those
// of lane r in a row.
void rapt_sdpa_hide(const rapt_kernels *kernels, const rapt_sdpa_visibility *visibility, int64_t j, int64_t covered,
                    float *scores);
void rapt_sdpa_hide_in_row(const rapt_sdpa_visibility *visibility, int64_t r, int64_t j, int64_t covered, float *row);

#endif
