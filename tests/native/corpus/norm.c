// SPDX-License-Identifier: Apache-2.0
// Layer normalisation problems.
#include <string.h>

#include "problems.h"

static void draw_vectors(random_state *r, norm_problem *p) {
  static const int64_t steps[] = {1, 1, 2, -1, -2};
  p->weight = PICK(r, steps);
  p->weight_type = random_percent(r, 60) ? ELEMENT_F32 : draw_float(r);
  p->bias = random_percent(r, 75) ? PICK(r, steps) : 0;
  p->bias_type = random_percent(r, 60) ? p->weight_type : (int64_t)draw_float(r);
}

static void draw(random_state *r, norm_problem *p) {
  static const float epsilons[] = {1e-12f, 1e-5f, 1e-3f, 1};
  p->batch = random_percent(r, 3) ? 0 : random_percent(r, 60) ? 1 : random_between(r, 2, 3);
  p->rows = random_percent(r, 25) ? 1 : random_between(r, 0, random_percent(r, 85) ? 12 : 60);
  p->features = draw_row_features(r);
  p->in_place = random_percent(r, 25);
  p->residual = random_percent(r, 50);
  p->input_type = draw_float(r);
  p->residual_type = random_percent(r, 60) ? p->input_type : (int64_t)draw_float(r);
  p->output_type = p->in_place || random_percent(r, 60) ? p->input_type : (int64_t)draw_float(r);
  draw_vectors(r, p);
  int layouts = p->in_place ? OUTPUT_LAYOUTS : INPUT_LAYOUTS;
  p->input_layout = random_percent(r, 50) ? LAYOUT_DENSE : random_between(r, 0, layouts - 1);
  p->residual_layout = random_percent(r, 50) ? LAYOUT_DENSE : random_between(r, 0, INPUT_LAYOUTS - 1);
  p->output_layout = random_percent(r, 50) ? LAYOUT_DENSE : random_between(r, 0, OUTPUT_LAYOUTS - 1);
  p->far = random_percent(r, 25);
  p->special = random_percent(r, 10);
  p->guard = random_between(r, 0, 1);
  p->epsilon = random_percent(r, 50) ? 1e-5f : PICK(r, epsilons);
}

static void build_vector(random_state *r, array *a, int64_t type, int64_t stride, const norm_problem *p) {
  array_clear(a);
  if (!stride) return;
  array_place_vector(a, (element)type, p->features, stride, (int)p->guard);
  array_fill(a, r, 1);
}

static void build_output(norm_problem *p, const int64_t size[3]) {
  int side = (int)p->guard;
  array_clear(&p->before);
  if (p->in_place) {
    array_place_rows(&p->before, (element)p->input_type, size, (layout)p->input_layout, side);
    if (p->before.bytes) memcpy(p->before.start, p->input.start, p->before.bytes);
    array_view(&p->output, &p->input, 0, p->input.size);
  } else {
    array_place_rows(&p->output, (element)p->output_type, size, (layout)p->output_layout, side);
  }
}

void norm_build(random_state *r, norm_problem *p) {
  draw(r, p);
  int side = (int)p->guard;
  const int64_t size[3] = {p->batch, p->rows, p->features};
  array_place_rows(&p->input, (element)p->input_type, size, (layout)p->input_layout, side);
  // Rows far from 0 are where a careless sum loses the variance.
  fill_rows(r, &p->input, p->far ? 100 : 0, p->special);
  array_clear(&p->added);
  if (p->residual) {
    array_place_rows(&p->added, (element)p->residual_type, size, (layout)p->residual_layout, side);
    fill_rows(r, &p->added, 0, p->special);
  }
  build_vector(r, &p->weights, p->weight_type, p->weight, p);
  build_vector(r, &p->biases, p->bias_type, p->bias, p);
  build_output(p, size);
}

void norm_print(FILE *to, const norm_problem *p) {
  NORM_INTEGERS(CORPUS_PRINT)
  fprintf(to, " epsilon=%a", (double)p->epsilon);
}

void norm_reset(norm_problem *p) {
  if (!p->in_place) {
    array_wipe(&p->output);
  } else if (p->before.bytes) {
    memcpy(p->output.start, p->before.start, p->before.bytes);
  }
}

uint64_t norm_hash(const norm_problem *p) { return array_hash(&p->output, 6); }
