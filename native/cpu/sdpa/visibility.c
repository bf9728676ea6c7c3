// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/visibility.h"

#include <math.h>

// Wide enough for a sum of three int64: positions and windows may be any.
typedef __int128 wide;

static int64_t clamp_wide(wide value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : (int64_t)value;
}

// Position of a query among the keys.
static wide position(const rapt_sdpa_problem *problem, int64_t batch, int64_t query) {
  const rapt_sdpa *c = &problem->call;
  int64_t first = rapt_is_present(&c->positions) ? rapt_index_at(&c->positions, batch, 0) : c->options.position;
  return (wide)first + problem->first_query + query;
}

// The interval of keys that causality and window leave to a query: it moves by one key from one query to the next.
typedef struct interval {
  // Which edges there are, and where they are for query 0.
  int has_first, has_last;
  wide first, last;
} interval;

static interval interval_of(const rapt_sdpa_problem *problem, int64_t batch) {
  const rapt_sdpa_options *o = &problem->call.options;
  int causal = (o->flags & RAPT_CAUSAL) != 0, window = (o->flags & RAPT_WINDOW) != 0;
  interval i = {.has_first = window && o->window_left >= 0, .has_last = causal || (window && o->window_right >= 0)};
  if (!i.has_first && !i.has_last) return i;
  wide at = position(problem, batch, 0);
  i.first = at - o->window_left;
  i.last = at + (causal ? 0 : o->window_right) + 1;
  return i;
}

static void visible_keys(const interval *i, int64_t query, int64_t base, int64_t *first, int64_t *last) {
  *first = i->has_first ? clamp_wide(i->first + query, 0, base) : 0;
  *last = i->has_last ? clamp_wide(i->last + query, 0, base) : base;
  if (*first >= *last) *first = *last = 0;
}

// The keys of `count` lanes out of `width`; the others see all.
static void fill_intervals(const interval *i, int64_t count, int64_t width, int64_t base, rapt_sdpa_visibility *v) {
  for (int64_t r = 0; r < width; r++) {
    v->first[r] = 0;
    v->last[r] = base;
  }
  v->common_first = 0;
  v->common_last = base;
  v->low = count > 0 ? 0 : base;
  v->high = count > 0 ? base : 0;
  if (!i->has_first && !i->has_last) return;
  v->low = base;
  v->high = 0;
  for (int64_t r = 0; r < count; r++) {
    visible_keys(i, v->queries.query[r], base, &v->first[r], &v->last[r]);
    if (v->first[r] > v->common_first) v->common_first = v->first[r];
    if (v->last[r] < v->common_last) v->common_last = v->last[r];
    if (v->first[r] == v->last[r]) continue;
    if (v->first[r] < v->low) v->low = v->first[r];
    if (v->last[r] > v->high) v->high = v->last[r];
  }
}

void rapt_sdpa_visibility_fill(const rapt_sdpa_problem *problem, int64_t batch, int64_t kv_head, int64_t row,
                               int64_t count, int64_t width, rapt_sdpa_visibility *v) {
  const rapt_sdpa *c = &problem->call;
  rapt_sdpa_queries_fill(problem, batch, kv_head, row, count, width, &v->queries);
  interval i = interval_of(problem, batch);
  fill_intervals(&i, count, width, c->kv_len - problem->appended_keys, v);
  if (v->low > v->high) v->low = v->high;
  // A weights output has every key, and appended keys lie beyond every causal or window edge.
  if (rapt_is_present(&c->weights) || problem->appended_keys > 0) {
    v->low = 0;
    v->high = c->kv_len;
  }
}

float rapt_sdpa_distance(const rapt_sdpa_problem *problem, const rapt_sdpa_queries *queries, int64_t r, int64_t j) {
  return (float)(position(problem, queries->batch, queries->query[r]) - j);
}

void rapt_sdpa_hide(const rapt_kernels *kernels, const rapt_sdpa_visibility *v, int64_t j, int64_t covered,
                    float *scores) {
  if (rapt_sdpa_all_see(v, j, covered)) return;
  int64_t width = v->queries.width;
  float first[RAPT_MAX_PANEL_WIDTH], last[RAPT_MAX_PANEL_WIDTH];
  for (int64_t r = 0; r < width; r++) {
    first[r] = (float)rapt_clamp(v->first[r] - j, 0, covered);
    last[r] = (float)rapt_clamp(v->last[r] - j, 0, covered);
  }
  kernels->restrict_keys(covered, width, first, last, scores);
}

void rapt_sdpa_hide_in_row(const rapt_sdpa_visibility *v, int64_t r, int64_t j, int64_t covered, float *row) {
  int64_t first = rapt_clamp(v->first[r] - j, 0, covered), last = rapt_clamp(v->last[r] - j, 0, covered);
  for (int64_t k = 0; k < first; k++) row[k] = -INFINITY;
  for (int64_t k = last; k < covered; k++) row[k] = -INFINITY;
}
