// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "sdpa.h"

enum part { PART_QUERY, PART_KEY, PART_VALUE };

static float number(const sdpa_problem *p, random_state *r, enum part part, int64_t s, int64_t d) {
  float u = random_unit(r);
  switch (p->fill) {
    case FILL_PEAKED:
      return part == PART_VALUE ? u : 4 * u;
    case FILL_VERY_NEGATIVE:
      // One dimension carries the magnitude, the others the differences.
      if (part == PART_VALUE || d > 0) return u;
      return part == PART_QUERY ? -100.0f : 8000 + 7000 * u;
    case FILL_CONSTANT:
      return part == PART_VALUE ? (float)(s % 3) : 0.5f;
    case FILL_TINY:
      return (s % 2 ? 0x1p-124f : 0x1p-61f) * u;
    case FILL_SPIKES:
      return random_percent(r, 2) ? 50 * u : 0.1f * u;
    case FILL_RISING:
      if (part == PART_VALUE) return u;
      if (part == PART_QUERY) return 0.5f + 0.1f * u;
      return 0.01f * u + 4 * (float)s / (float)(p->kv_len > 1 ? p->kv_len - 1 : 1);
    case FILL_HUGE:
      return (part == PART_VALUE || random_percent(r, 80) ? 1.0f : 0x1p64f) * u;
    default:
      return u;
  }
}

static void fill_part(const sdpa_problem *p, random_state *r, array *a, enum part part) {
  // int8 shows nothing below 1; its scale brings it back.
  float scale = a->type == ELEMENT_I8 ? 100 : 1;
  FOR_EACH(a, b, h, s, d) { array_set(a, array_index(a, b, h, s, d), scale * number(p, r, part, s, d)); }
}

static void fill_scale(random_state *r, array *a) {
  if (a->data == NULL) return;
  FOR_EACH(a, b, h, s, g) { array_set(a, array_index(a, b, h, s, g), 0.01f * (1.1f + random_unit(r))); }
}

static int seen_by_group(const sdpa_problem *p, const int64_t at[3]) {
  int64_t group = p->heads / p->kv_heads;
  for (int64_t h = at[1] * group; h < (at[1] + 1) * group; h++) {
    for (int64_t i = 0; i < p->q_len; i++) {
      const int64_t score[4] = {at[0], h, i, at[2]};
      if (scores_visible(&p->scores, &p->around, score)) return 1;
    }
  }
  return 0;
}

static const float poisons[3] = {NAN, INFINITY, -INFINITY};

// A row that several heads or batches share may be seen by another of them.
static int is_shared(const array *a) {
  return (a->size[0] > 1 && a->stride[0] == 0) || (a->size[1] > 1 && a->stride[1] == 0) ||
         (a->size[2] > 1 && a->stride[2] == 0);
}

static void poison_row(random_state *r, array *a, const int64_t at[3]) {
  if (a->data == NULL || a->type == ELEMENT_I8 || is_shared(a)) return;
  for (int64_t d = 0; d < a->size[3]; d++) array_set(a, array_index(a, at[0], at[1], at[2], d), PICK(r, poisons));
}

static void poison_unseen(random_state *r, sdpa_problem *p) {
  for (int64_t n = 0; n < p->batch * p->kv_heads * p->kv_len; n++) {
    const int64_t at[3] = {n / p->kv_len / p->kv_heads, n / p->kv_len % p->kv_heads, n % p->kv_len};
    if (seen_by_group(p, at)) continue;
    poison_row(r, &p->key, at);
    poison_row(r, &p->value, at);
    poison_row(r, &p->key_scale, at);
    poison_row(r, &p->value_scale, at);
  }
}

static void poison_some(random_state *r, array *a) {
  if (a->data == NULL || a->type == ELEMENT_I8) return;
  FOR_EACH(a, b, h, s, none) {
    if (none > 0) break;
    int64_t d = random_between(r, 0, a->size[3] - 1);
    if (random_percent(r, 2)) array_set(a, array_index(a, b, h, s, d), PICK(r, poisons));
  }
}

void sdpa_fill(random_state *r, sdpa_problem *p) {
  fill_part(p, r, &p->query, PART_QUERY);
  fill_part(p, r, &p->key, PART_KEY);
  if (p->view != VIEW_VALUE_IN_KEY) fill_part(p, r, &p->value, PART_VALUE);
  fill_scale(r, &p->key_scale);
  fill_scale(r, &p->value_scale);
  if (p->fill == FILL_POISON_UNSEEN) poison_unseen(r, p);
  if (p->fill != FILL_POISON_SOME) return;
  poison_some(r, &p->key);
  poison_some(r, &p->value);
  poison_some(r, &p->key_scale);
  poison_some(r, &p->value_scale);
}
