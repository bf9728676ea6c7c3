// SPDX-License-Identifier: Apache-2.0
// Attention problems: what is drawn and how it lies in memory; sdpa_fill.c has the contents.
#include "sdpa.h"

static const int64_t common_dims[] = {16, 32, 64, 64, 80, 96, 128, 128};
static const int64_t odd_dims[] = {1, 2, 3, 7, 8, 9, 15, 17, 31, 33, 47, 63, 65, 127, 129};
static const int64_t large_dims[] = {160, 192, 255, 256, 320, 512, 1024};
static const int64_t group_sizes[] = {1, 1, 1, 2, 3, 4, 5, 7, 8};

static int64_t draw_dim(random_state *r) {
  int kind = (int)random_between(r, 0, 99);
  if (kind < 42) return PICK(r, common_dims);
  if (kind < 75) return random_between(r, 1, 72);
  return kind < 92 ? PICK(r, odd_dims) : PICK(r, large_dims);
}

// By the plan function's paths: prefill, decode, both split over keys, corners, and more memory than is read without
// asking ahead.
static void draw_sizes(random_state *r, sdpa_problem *p) {
  int kind = (int)random_between(r, 0, 999);
  int64_t group = PICK(r, group_sizes);
  p->kv_heads = random_percent(r, 60) ? 1 : random_between(r, 2, 3);
  p->batch = random_percent(r, 65) ? 1 : random_between(r, 2, 3);
  p->head_dim = draw_dim(r);
  p->value_dim = random_percent(r, 65) ? p->head_dim : draw_dim(r);
  if (kind < 480) {
    p->q_len = random_between(r, 1, 131);
    p->kv_len = random_between(r, 1, random_percent(r, 75) ? 200 : 700);
  } else if (kind < 830) {
    p->q_len = random_percent(r, 50) ? 1 : random_between(r, 1, random_percent(r, 80) && group < 16 ? 16 / group : 16);
    p->kv_len = random_between(r, 1, 700);
  } else if (kind < 910) {
    p->q_len = random_percent(r, 60) ? 1 : random_between(r, 1, 16 / group);
    p->kv_len = random_between(r, 1000, random_percent(r, 80) ? 5000 : 13000);
    p->batch = 1;
  } else if (kind < 940) {
    p->q_len = random_between(r, 1, 128 / group);
    p->kv_len = random_between(r, 1000, 2600);
    p->batch = p->kv_heads = 1;
  } else if (kind < 997) {
    p->batch = random_percent(r, 95);
    p->q_len = random_between(r, 0, 3);
    p->kv_len = random_between(r, 0, 3);
  } else {
    group = 1;
    p->batch = 4, p->kv_heads = 8;
    p->q_len = random_between(r, 17, 40), p->kv_len = random_between(r, 1300, 1500);
    p->head_dim = p->value_dim = 64;
  }
  p->heads = p->kv_heads * group;
}

static int64_t draw_groups(random_state *r, int64_t dim) {
  if (random_percent(r, 50)) return 1;
  if (dim % 32 == 0 && random_percent(r, 50)) return dim / 32;
  int64_t groups = random_between(r, 1, dim);
  while (dim % groups != 0) groups--;
  return groups;
}

static void draw_types(random_state *r, sdpa_problem *p) {
  int kind = (int)random_between(r, 0, 99);
  element same = kind < 42 ? ELEMENT_F32 : kind < 56 ? ELEMENT_F16 : kind < 76 ? ELEMENT_BF16 : draw_float(r);
  p->query_type = p->key_type = p->value_type = p->output_type = same;
  p->key_groups = p->value_groups = 0;
  if (kind >= 88) {
    p->key_type = draw_float(r);
    p->value_type = draw_float(r);
    p->output_type = draw_float(r);
  } else if (kind >= 76) {
    int which = (int)random_between(r, 0, 5);
    if (which != 0) p->key_type = ELEMENT_I8, p->key_groups = draw_groups(r, p->head_dim);
    if (which != 1) p->value_type = ELEMENT_I8, p->value_groups = draw_groups(r, p->value_dim);
    p->key_scale_bits = random_percent(r, 75) ? 15 : random_between(r, 0, 15);
    p->value_scale_bits = random_percent(r, 75) ? 15 : random_between(r, 0, 15);
  }
  // Rounding to 16 bits hides most last bits.
  if (random_percent(r, 35)) p->output_type = ELEMENT_F32;
}

static layout draw_layout(random_state *r, int layouts) {
  int kind = (int)random_between(r, 0, 99);
  if (kind < 35) return LAYOUT_DENSE;
  return kind < 60 ? LAYOUT_BSHD : (layout)random_between(r, 0, layouts - 1);
}

static void draw_layouts(random_state *r, sdpa_problem *p) {
  p->query_layout = draw_layout(r, INPUT_LAYOUTS);
  p->key_layout = draw_layout(r, INPUT_LAYOUTS);
  p->value_layout = random_percent(r, 60) ? p->key_layout : (int64_t)draw_layout(r, INPUT_LAYOUTS);
  p->output_layout = draw_layout(r, OUTPUT_LAYOUTS);
  p->view = VIEW_NONE;
  int floats = p->key_type != ELEMENT_I8 && p->value_type != ELEMENT_I8;
  if (floats && random_percent(r, 8)) {
    p->view = VIEW_PACKED;
    p->kv_len = p->q_len;
    p->value_dim = p->head_dim;
    p->key_type = p->value_type = p->query_type;
  } else if (floats && p->value_dim <= p->head_dim && random_percent(r, 8)) {
    p->view = VIEW_VALUE_IN_KEY;
    p->value_type = p->key_type;
  }
}

// query, key and value as three ranges of heads in one (B, S, Hq + 2 Hkv, D).
static void place_packed(sdpa_problem *p, int side) {
  const int64_t all = p->heads + 2 * p->kv_heads, d = p->head_dim;
  const int64_t whole[4] = {p->batch, all, p->kv_len, d};
  const int64_t query[4] = {p->batch, p->heads, p->q_len, d}, key[4] = {p->batch, p->kv_heads, p->kv_len, d};
  array_place(&p->packed, (element)p->query_type, whole, LAYOUT_BSHD, side);
  array_view(&p->query, &p->packed, 0, query);
  array_view(&p->key, &p->packed, p->heads * d, key);
  array_view(&p->value, &p->packed, (p->heads + p->kv_heads) * d, key);
}

static void place_inputs(sdpa_problem *p, int side) {
  const int64_t query[4] = {p->batch, p->heads, p->q_len, p->head_dim};
  const int64_t key[4] = {p->batch, p->kv_heads, p->kv_len, p->head_dim};
  const int64_t value[4] = {p->batch, p->kv_heads, p->kv_len, p->value_dim};
  array_place(&p->query, (element)p->query_type, query, (layout)p->query_layout, side);
  array_place(&p->key, (element)p->key_type, key, (layout)p->key_layout, side);
  if (p->view == VIEW_VALUE_IN_KEY) {
    array_view(&p->value, &p->key, 0, value);
  } else {
    array_place(&p->value, (element)p->value_type, value, (layout)p->value_layout, side);
  }
}

static void place_scale(array *a, const sdpa_problem *p, int64_t groups, int64_t bits) {
  array_clear(a);
  const int64_t size[4] = {p->batch, p->kv_heads, p->kv_len, groups};
  if (groups > 0) array_place_broadcast(a, ELEMENT_F32, size, bits, 0, (int)p->guard);
}

static void draw(random_state *r, sdpa_problem *p) {
  p->key_scale_bits = p->value_scale_bits = 0;
  draw_sizes(r, p);
  draw_types(r, p);
  draw_layouts(r, p);
  scores_draw(r, p->q_len, p->kv_len, &p->scores);
  // With weights nothing is split or decoded: mostly not where that is what the sizes are for.
  if (p->kv_len >= 1000 || (p->heads / p->kv_heads * p->q_len <= 16 && random_percent(r, 60))) p->scores.stage = -1;
  p->fill = random_percent(r, 50) ? FILL_UNIFORM : random_between(r, 1, FILLS - 1);
  p->guard = random_between(r, 0, 1);
}

void sdpa_build(random_state *r, sdpa_problem *p) {
  draw(r, p);
  int side = (int)p->guard;
  if (p->view == VIEW_PACKED) {
    place_packed(p, side);
  } else {
    place_inputs(p, side);
  }
  const int64_t output[4] = {p->batch, p->heads, p->q_len, p->value_dim};
  array_place(&p->output, (element)p->output_type, output, (layout)p->output_layout, side);
  place_scale(&p->key_scale, p, p->key_groups, p->key_scale_bits);
  place_scale(&p->value_scale, p, p->value_groups, p->value_scale_bits);
  score_shape shape = {.size = {p->batch, p->heads, p->q_len, p->kv_len}, .side = side};
  scores_build(&p->scores, &shape, r, &p->around);
  sdpa_fill(r, p);
}

void sdpa_print(FILE *to, const sdpa_problem *p) {
  SDPA_INTEGERS(CORPUS_PRINT)
  scores_print(to, &p->scores);
}

void sdpa_reset(sdpa_problem *p) {
  array_wipe(&p->output);
  array_wipe(&p->around.lse);
  array_wipe(&p->around.weights);
}

uint64_t sdpa_hash(const sdpa_problem *p) {
  return array_hash(&p->around.weights, array_hash(&p->around.lse, array_hash(&p->output, 1)));
}
