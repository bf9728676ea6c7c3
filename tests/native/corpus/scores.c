// SPDX-License-Identifier: Apache-2.0
#include "scores.h"

#include <math.h>

element draw_float(random_state *r) { return (element)random_between(r, ELEMENT_F32, ELEMENT_BF16); }

static void draw_positions(random_state *r, int64_t queries, int64_t keys, scores *s) {
  static const int64_t far[] = {-1000, 1000, INT64_MAX, INT64_MIN, INT64_MAX - 3, INT64_MIN + 3};
  s->causal = random_percent(r, 25);
  s->window = random_percent(r, 13);
  int where = (int)random_between(r, 0, 99);
  if (where < 35) {
    s->offset = keys - queries;
  } else if (where < 60) {
    s->offset = random_between(r, -queries - 2, keys + 2);
  } else if (where < 63) {
    s->offset = PICK(r, far);
  }
  if (!s->window) return;
  static const int64_t widths[] = {-1, 0, 1, 3, 5, 33, 100, INT64_MAX};
  s->window_left = random_percent(r, 60) ? PICK(r, widths) : random_between(r, -1, keys);
  s->window_right = random_percent(r, 60) ? PICK(r, widths) : random_between(r, -1, keys);
}

void scores_draw(random_state *r, int64_t queries, int64_t keys, scores *s) {
  static const float scales[] = {0, -0.7f, 0.1f, 1, 8, 1e-30f, -1e-30f, 1e3f, -1e3f, 3e38f};
  static const float caps[] = {1e-20f, 1e-3f, 1.5f, 20, 50, 1e20f};
  *s = (scores){.mask = -1, .bias = -1, .stage = -1};
  draw_positions(r, queries, keys, s);
  s->scaled = random_percent(r, 25);
  if (s->scaled) s->scale = random_percent(r, 50) ? PICK(r, scales) : 2 * random_unit(r);
  if (random_percent(r, 16)) s->softcap = random_percent(r, 50) ? PICK(r, caps) : 31 + 30 * random_unit(r);
  if (random_percent(r, 22)) {
    s->mask = random_between(r, 0, 15);
    s->mask_fill = random_percent(r, 40) ? MASK_RANDOM : random_between(r, 1, MASK_FILLS - 1);
    s->mask_gap = random_percent(r, 60) ? 0 : random_between(r, 1, 2);
  }
  if (random_percent(r, 22)) {
    s->bias = random_between(r, 0, 15);
    s->bias_fill = random_between(r, 0, BIAS_FILLS - 1);
    s->bias_gap = random_percent(r, 60) ? 0 : random_between(r, 1, 2);
    s->bias_type = draw_float(r);
  }
  s->alibi = random_percent(r, 13) ? random_between(r, 1, 4) : 0;
  s->sinks = random_percent(r, 14) ? random_between(r, 1, 4) : 0;
  s->lse = random_percent(r, 55);
  s->lse_gap = random_percent(r, 70) ? 0 : random_between(r, 1, 2);
  if (random_percent(r, 22)) s->stage = random_between(r, 0, 3);
  s->weights_gap = random_percent(r, 60) ? 0 : random_between(r, 1, 2);
}

void scores_print(FILE *to, const scores *p) {
  SCORES_INTEGERS(CORPUS_PRINT)
  if (p->scaled) fprintf(to, " scale=%a", (double)p->scale);
  if (p->softcap != 0) fprintf(to, " softcap=%a", (double)p->softcap);
}

static int mask_value(const scores *s, random_state *r, int64_t i, int64_t j) {
  switch (s->mask_fill) {
    case MASK_ALL_FALSE:
      return 0;
    case MASK_ALL_TRUE:
      return 1;
    case MASK_ROWS:
      return i % 4 != 0 && (i + j) % 5 != 2;
    case MASK_SPARSE:
      return random_percent(r, 5);
    case MASK_BLOCKS:
      return (j / 64 + i / 16) % 2 == 0;
    default:
      return random_percent(r, 70);
  }
}

static void build_mask(const scores *s, const score_shape *shape, random_state *r, array *a) {
  // Any byte but 0 is true.
  static const unsigned char truths[4] = {1, 2, 0x80, 0xFF};
  array_clear(a);
  if (s->mask < 0) return;
  array_place_broadcast(a, ELEMENT_BOOL, shape->size, s->mask, s->mask_gap, shape->side);
  FOR_EACH(a, b, h, i, j) {
    ((unsigned char *)a->data)[array_index(a, b, h, i, j)] = mask_value(s, r, i, j) ? truths[random_next(r) & 3] : 0;
  }
}

static void build_bias(const scores *s, const score_shape *shape, random_state *r, array *a) {
  array_clear(a);
  if (s->bias < 0) return;
  array_place_broadcast(a, (element)s->bias_type, shape->size, s->bias, s->bias_gap, shape->side);
  FOR_EACH(a, b, h, i, j) {
    float value = 2 * random_unit(r);
    if ((s->bias_fill == BIAS_SOME_INFINITE && random_percent(r, 30)) ||
        (s->bias_fill == BIAS_ROWS_INFINITE && i % 3 == 0)) {
      value = -INFINITY;
    } else if (s->bias_fill == BIAS_VERY_NEGATIVE) {
      value = -1e4f + 100 * value;
    }
    array_set(a, array_index(a, b, h, i, j), value);
  }
}

// A broadcast element serves many keys, so only a bias with all dimensions is poisoned.
static void poison_bias(const scores *s, score_arrays *a) {
  if (s->bias != 15 || s->bias_fill != BIAS_NAN_WHERE_HIDDEN) return;
  FOR_EACH(&a->bias, b, h, i, j) {
    const int64_t at[4] = {b, h, i, j};
    if (!scores_visible(s, a, at)) array_set(&a->bias, array_index(&a->bias, b, h, i, j), NAN);
  }
}

static void build_heads(const scores *s, const score_shape *shape, random_state *r, score_arrays *a) {
  const int64_t size[4] = {shape->size[0], shape->size[1], 1, 1};
  array_clear(&a->slopes);
  array_clear(&a->sinks);
  if (s->alibi) {
    array_place_broadcast(&a->slopes, ELEMENT_F32, size, s->alibi - 1, 0, shape->side);
    FOR_EACH(&a->slopes, b, h, i, j) {
      float slope = (1 + 0.1f * random_unit(r)) / (float)(INT64_C(2) << h % 8);
      array_set(&a->slopes, array_index(&a->slopes, b, h, i, j), slope);
    }
  }
  if (s->sinks) {
    static const float extremes[] = {-INFINITY, 90, -90, 1e4f, -1e4f};
    array_place_broadcast(&a->sinks, ELEMENT_F32, size, s->sinks - 1, 0, shape->side);
    FOR_EACH(&a->sinks, b, h, i, j) {
      float sink = random_percent(r, 15) ? PICK(r, extremes) : 3 * random_unit(r);
      array_set(&a->sinks, array_index(&a->sinks, b, h, i, j), sink);
    }
  }
}

void scores_build(const scores *s, const score_shape *shape, random_state *r, score_arrays *a) {
  const int64_t *size = shape->size;
  build_mask(s, shape, r, &a->mask);
  build_bias(s, shape, r, &a->bias);
  poison_bias(s, a);
  build_heads(s, shape, r, a);
  array_clear(&a->lse);
  if (s->lse) {
    // Its rows are its last dimension.
    const int64_t rows[4] = {1, size[0], size[1], size[2]};
    array_place_broadcast(&a->lse, ELEMENT_F32, rows, 15, s->lse_gap, shape->side);
  }
  array_clear(&a->weights);
  if (s->stage >= 0) {
    const int64_t all[4] = {size[0], shape->averaged ? 1 : size[1], size[2], size[3] + shape->more_keys};
    array_place_broadcast(&a->weights, ELEMENT_F32, all, 15, s->weights_gap, shape->side);
  }
}

int scores_visible(const scores *s, const score_arrays *a, const int64_t at[4]) {
  __int128 key = at[3], middle = (__int128)at[2] + s->offset;
  if (s->causal && key > middle) return 0;
  if (s->window && s->window_left >= 0 && key < middle - s->window_left) return 0;
  if (s->window && s->window_right >= 0 && key > middle + s->window_right) return 0;
  int64_t in_mask = array_index(&a->mask, at[0], at[1], at[2], at[3]);
  if (a->mask.data != NULL && !((const unsigned char *)a->mask.data)[in_mask]) return 0;
  if (a->bias.data == NULL) return 1;
  int64_t in_bias = array_index(&a->bias, at[0], at[1], at[2], at[3]);
  if (a->bias.type == ELEMENT_F32) return ((const float *)a->bias.data)[in_bias] != -INFINITY;
  return ((const uint16_t *)a->bias.data)[in_bias] != (a->bias.type == ELEMENT_F16 ? 0xfc00 : 0xff80);
}
