// SPDX-License-Identifier: Apache-2.0
// Multi-head attention problems.
#include <math.h>

#include "problems.h"

static int64_t draw_width(random_state *r) {
  static const int64_t widths[] = {1, 7, 16, 32, 48, 64, 96};
  return random_percent(r, 60) ? PICK(r, widths) : random_between(r, 1, 100);
}

static void draw_sizes(random_state *r, mha_problem *p) {
  static const int64_t dims[] = {1, 5, 8, 16, 17, 32, 64};
  p->batch = random_percent(r, 4) ? 0 : random_between(r, 1, 3);
  p->kv_heads = random_between(r, 1, 3);
  p->heads = p->kv_heads * (random_percent(r, 60) ? 1 : random_between(r, 2, 4));
  p->q_len = random_percent(r, 30) ? 1 : random_between(r, 0, 50);
  p->kv_len = random_percent(r, 90) ? random_between(r, 1, 70) : random_between(r, 0, 300);
  p->head_dim = PICK(r, dims);
  p->value_dim = random_percent(r, 60) ? p->head_dim : PICK(r, dims);
  p->query_width = draw_width(r);
  p->key_width = draw_width(r);
  p->value_width = draw_width(r);
  p->output_width = random_percent(r, 25) ? 0 : draw_width(r);
}

static void draw(random_state *r, mha_problem *p) {
  draw_sizes(r, p);
  p->projection_bias = random_percent(r, 50) ? 15 : random_between(r, 0, 15);
  p->bias_kv = random_percent(r, 30);
  p->zero_attention = random_percent(r, 25);
  p->padding = random_percent(r, 35) ? random_between(r, 1, 2) : 0;
  element same = draw_float(r);
  int mixed = random_percent(r, 30);
  p->query_type = mixed ? draw_float(r) : same;
  p->key_type = mixed ? draw_float(r) : same;
  p->value_type = mixed ? draw_float(r) : same;
  p->output_type = mixed ? draw_float(r) : random_percent(r, 35) ? ELEMENT_F32 : same;
  p->weight_type = mixed ? draw_float(r) : same;
  p->query_layout = random_percent(r, 50) ? LAYOUT_DENSE : random_between(r, 0, INPUT_LAYOUTS - 1);
  p->key_layout = random_percent(r, 50) ? LAYOUT_DENSE : random_between(r, 0, INPUT_LAYOUTS - 1);
  p->value_layout = random_percent(r, 50) ? LAYOUT_DENSE : random_between(r, 0, INPUT_LAYOUTS - 1);
  p->output_layout = random_percent(r, 50) ? LAYOUT_DENSE : random_between(r, 0, OUTPUT_LAYOUTS - 1);
  scores_draw(r, p->q_len, p->kv_len, &p->scores);
  p->average = p->scores.stage >= 0 && random_percent(r, 50);
  p->special = p->padding && random_percent(r, 30) ? 2 : random_percent(r, 8);
  p->guard = random_between(r, 0, 1);
}

static void fill_input(const mha_problem *p, random_state *r, array *a) {
  FOR_EACH(a, i, b, s, d) { array_set(a, array_index(a, i, b, s, d), draw_special(r, p->special == 1) / 3); }
}

static void build_rows(random_state *r, mha_problem *p) {
  int side = (int)p->guard;
  const int64_t query[3] = {p->batch, p->q_len, p->query_width}, key[3] = {p->batch, p->kv_len, p->key_width};
  const int64_t value[3] = {p->batch, p->kv_len, p->value_width};
  const int64_t output[3] = {p->batch, p->q_len, p->output_width ? p->output_width : p->heads * p->value_dim};
  array_place_rows(&p->query, (element)p->query_type, query, (layout)p->query_layout, side);
  array_place_rows(&p->key, (element)p->key_type, key, (layout)p->key_layout, side);
  array_place_rows(&p->value, (element)p->value_type, value, (layout)p->value_layout, side);
  fill_input(p, r, &p->query);
  fill_input(p, r, &p->key);
  fill_input(p, r, &p->value);
  array_place_rows(&p->output, (element)p->output_type, output, (layout)p->output_layout, side);
}

static void build_projection(random_state *r, mha_problem *p, enum projection n, int64_t in, int64_t out) {
  const int64_t size[4] = {1, 1, out, in};
  array_clear(&p->weight[n]);
  array_clear(&p->weight_bias[n]);
  if (out == 0) return;
  array_place(&p->weight[n], (element)p->weight_type, size, LAYOUT_DENSE, (int)p->guard);
  // Of the order of 1 / sqrt(in), so that results stay where the inputs are.
  float scale = in < 8 ? 0.7f : in < 32 ? 0.35f : 0.18f;
  array_fill(&p->weight[n], r, scale);
  if (p->projection_bias >> n & 1) {
    array_place_vector(&p->weight_bias[n], (element)p->weight_type, out, 1, (int)p->guard);
    array_fill(&p->weight_bias[n], r, 0.5f);
  }
}

static void build_appended(random_state *r, mha_problem *p) {
  array_clear(&p->bias_key);
  array_clear(&p->bias_value);
  if (!p->bias_kv) return;
  array_place_vector(&p->bias_key, (element)p->weight_type, p->kv_heads * p->head_dim, 1, (int)p->guard);
  array_place_vector(&p->bias_value, (element)p->weight_type, p->kv_heads * p->value_dim, 1, (int)p->guard);
  array_fill(&p->bias_key, r, 0.5f);
  array_fill(&p->bias_value, r, 0.5f);
}

static void build_padding(mha_problem *p) {
  const int64_t size[4] = {1, 1, p->batch, p->kv_len};
  array_clear(&p->padding_mask);
  if (!p->padding) return;
  array_place(&p->padding_mask, ELEMENT_BOOL, size, LAYOUT_DENSE, (int)p->guard);
  FOR_EACH(&p->padding_mask, none, nor_this, b, j) {
    int all = p->padding == 2 && b == p->batch - 1;
    int64_t at = array_index(&p->padding_mask, none, nor_this, b, j);
    ((unsigned char *)p->padding_mask.data)[at] = all || j >= p->kv_len - 1 - b % 3 ? 2 : 0;
  }
}

// What padding hides may hold anything, unless another batch shares it.
static void poison_padded(const mha_problem *p, array *a) {
  if (p->special != 2 || (p->batch > 1 && a->stride[1] == 0)) return;
  FOR_EACH(a, i, b, j, d) {
    const unsigned char *padded = p->padding_mask.data;
    if (padded[array_index(&p->padding_mask, 0, 0, b, j)]) array_set(a, array_index(a, i, b, j, d), NAN);
  }
}

void mha_build(random_state *r, mha_problem *p) {
  draw(r, p);
  build_rows(r, p);
  build_projection(r, p, PROJECTION_QUERY, p->query_width, p->heads * p->head_dim);
  build_projection(r, p, PROJECTION_KEY, p->key_width, p->kv_heads * p->head_dim);
  build_projection(r, p, PROJECTION_VALUE, p->value_width, p->kv_heads * p->value_dim);
  build_projection(r, p, PROJECTION_OUTPUT, p->heads * p->value_dim, p->output_width);
  build_appended(r, p);
  build_padding(p);
  poison_padded(p, &p->key);
  poison_padded(p, &p->value);
  score_shape shape = {.size = {p->batch, p->heads, p->q_len, p->kv_len},
                       .more_keys = p->bias_kv + p->zero_attention,
                       .averaged = (int)p->average,
                       .side = (int)p->guard};
  scores_build(&p->scores, &shape, r, &p->around);
}

void mha_print(FILE *to, const mha_problem *p) {
  MHA_INTEGERS(CORPUS_PRINT)
  scores_print(to, &p->scores);
}

void mha_reset(mha_problem *p) {
  array_wipe(&p->output);
  array_wipe(&p->around.lse);
  array_wipe(&p->around.weights);
}

uint64_t mha_hash(const mha_problem *p) {
  return array_hash(&p->around.weights, array_hash(&p->around.lse, array_hash(&p->output, 2)));
}
