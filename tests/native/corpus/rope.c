// SPDX-License-Identifier: Apache-2.0
// Rotary embedding problems.
#include <string.h>

#include "problems.h"

static void draw(random_state *r, rope_problem *p) {
  static const int64_t dims[] = {2, 4, 6, 8, 16, 20, 32, 64, 80, 96, 128, 256, 1024};
  p->batch = random_percent(r, 3) ? 0 : random_between(r, 1, 3);
  p->heads = random_between(r, 1, 5);
  p->length = random_percent(r, 25) ? 1 : random_between(r, 0, random_percent(r, 85) ? 40 : 150);
  p->head_dim = random_percent(r, 60) ? PICK(r, dims) : random_between(r, 2, 140);
  // 0 stands for all of it, which then has to be even.
  p->rotary_dim = p->head_dim % 2 == 0 && random_percent(r, 50) ? 0 : 2 * random_between(r, 1, p->head_dim / 2);
  p->interleaved = random_between(r, 0, 1);
  p->table = random_percent(r, 50) ? 0 : random_between(r, 1, 200);
  p->positions = random_between(r, 0, 3);
  p->in_place = random_percent(r, 25);
  p->input_type = draw_float(r);
  p->output_type = p->in_place || random_percent(r, 60) ? p->input_type : (int64_t)draw_float(r);
  p->cosine_type = random_percent(r, 60) ? ELEMENT_F32 : draw_float(r);
  p->sine_type = random_percent(r, 80) ? p->cosine_type : (int64_t)draw_float(r);
  int layouts = p->in_place ? OUTPUT_LAYOUTS : INPUT_LAYOUTS;
  p->input_layout = random_percent(r, 40) ? LAYOUT_DENSE : random_between(r, 0, layouts - 1);
  p->output_layout = random_percent(r, 40) ? LAYOUT_DENSE : random_between(r, 0, OUTPUT_LAYOUTS - 1);
  p->cosine_layout = random_percent(r, 50) ? LAYOUT_DENSE : random_between(r, 0, INPUT_LAYOUTS - 1);
  p->sine_layout = random_percent(r, 50) ? LAYOUT_DENSE : random_between(r, 0, INPUT_LAYOUTS - 1);
  p->special = random_percent(r, 25);
  p->guard = random_between(r, 0, 1);
}

static void fill(random_state *r, array *a, int64_t special) {
  FOR_EACH(a, i, j, k, l) { array_set(a, array_index(a, i, j, k, l), draw_special(r, special)); }
}

static void build_angles(random_state *r, rope_problem *p) {
  int64_t pairs = (p->rotary_dim ? p->rotary_dim : p->head_dim) / 2;
  const int64_t tokens[3] = {p->batch, p->length, pairs}, table[3] = {1, p->table, pairs};
  const int64_t *size = p->table ? table : tokens;
  array_place_rows(&p->cosine, (element)p->cosine_type, size, (layout)p->cosine_layout, (int)p->guard);
  array_place_rows(&p->sine, (element)p->sine_type, size, (layout)p->sine_layout, (int)p->guard);
  fill(r, &p->cosine, p->special);
  fill(r, &p->sine, p->special);
}

static void build_positions(random_state *r, rope_problem *p) {
  array_clear(&p->position);
  if (!p->table) return;
  // Dense, reversed, transposed, and one row of positions for the whole batch.
  const int64_t strides[4][2] = {{p->length, 1}, {-p->length, -1}, {1, p->batch}, {0, 1}};
  const int64_t size[4] = {1, 1, p->batch, p->length};
  const int64_t stride[4] = {0, 0, strides[p->positions][0], strides[p->positions][1]};
  array_place_strided(&p->position, ELEMENT_I64, size, stride, (int)p->guard);
  FOR_EACH(&p->position, i, j, b, s) {
    ((int64_t *)p->position.data)[array_index(&p->position, i, j, b, s)] = random_between(r, 0, p->table - 1);
  }
}

void rope_build(random_state *r, rope_problem *p) {
  draw(r, p);
  int side = (int)p->guard;
  const int64_t size[4] = {p->batch, p->heads, p->length, p->head_dim};
  array_place(&p->input, (element)p->input_type, size, (layout)p->input_layout, side);
  fill(r, &p->input, p->special);
  build_angles(r, p);
  build_positions(r, p);
  array_clear(&p->before);
  if (p->in_place) {
    array_place(&p->before, (element)p->input_type, size, (layout)p->input_layout, side);
    if (p->before.bytes) memcpy(p->before.start, p->input.start, p->before.bytes);
    array_view(&p->output, &p->input, 0, size);
  } else {
    array_place(&p->output, (element)p->output_type, size, (layout)p->output_layout, side);
  }
}

void rope_print(FILE *to, const rope_problem *p) { ROPE_INTEGERS(CORPUS_PRINT) }

void rope_reset(rope_problem *p) {
  if (!p->in_place) {
    array_wipe(&p->output);
  } else if (p->before.bytes) {
    memcpy(p->output.start, p->before.start, p->before.bytes);
  }
}

uint64_t rope_hash(const rope_problem *p) { return array_hash(&p->output, 4); }
