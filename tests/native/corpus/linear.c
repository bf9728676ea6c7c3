// SPDX-License-Identifier: Apache-2.0
// Linear projection problems.
#include <math.h>

#include "problems.h"

float draw_special(random_state *r, int64_t special) {
  static const float odd[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 1e-40f, 3e38f};
  return special && random_percent(r, 3) ? PICK(r, odd) : 3 * random_unit(r);
}

static int64_t draw_features(random_state *r) {
  static const int64_t features[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 48, 64, 65, 96, 128, 130};
  if (random_percent(r, 50)) return PICK(r, features);
  return random_between(r, 1, random_percent(r, 80) ? 130 : 700);
}

static void draw(random_state *r, linear_problem *p) {
  static const int64_t steps[] = {1, 1, 2, -1, -2};
  p->batch = random_percent(r, 3) ? 0 : random_percent(r, 60) ? 1 : random_between(r, 2, 4);
  p->rows = random_percent(r, 25) ? 1 : random_between(r, 0, random_percent(r, 90) ? 70 : 250);
  p->in = draw_features(r);
  p->out = draw_features(r);
  p->bias = random_percent(r, 70) ? PICK(r, steps) : 0;
  element same = draw_float(r);
  int mixed = random_percent(r, 40);
  p->bias_type = mixed ? draw_float(r) : same;
  p->weight_type = mixed ? draw_float(r) : same;
  p->input_type = mixed ? draw_float(r) : same;
  p->output_type = mixed ? draw_float(r) : random_percent(r, 35) ? ELEMENT_F32 : same;
  p->weight_layout = random_percent(r, 60) ? LAYOUT_DENSE : random_between(r, 0, OUTPUT_LAYOUTS - 1);
  p->input_layout = random_percent(r, 40) ? LAYOUT_DENSE : random_between(r, 0, INPUT_LAYOUTS - 1);
  p->output_layout = random_percent(r, 40) ? LAYOUT_DENSE : random_between(r, 0, OUTPUT_LAYOUTS - 1);
  p->special = random_percent(r, 15);
  p->guard = random_between(r, 0, 1);
}

void linear_build(random_state *r, linear_problem *p) {
  draw(r, p);
  int side = (int)p->guard;
  const int64_t weight[4] = {1, 1, p->out, p->in}, input[3] = {p->batch, p->rows, p->in};
  const int64_t output[3] = {p->batch, p->rows, p->out};
  array_place(&p->weight, (element)p->weight_type, weight, (layout)p->weight_layout, side);
  array_fill(&p->weight, r, 1);
  array_clear(&p->bias_vector);
  if (p->bias) {
    array_place_vector(&p->bias_vector, (element)p->bias_type, p->out, p->bias, side);
    array_fill(&p->bias_vector, r, 1);
  }
  array_place_rows(&p->input, (element)p->input_type, input, (layout)p->input_layout, side);
  FOR_EACH(&p->input, i, j, k, l) {
    array_set(&p->input, array_index(&p->input, i, j, k, l), draw_special(r, p->special));
  }
  array_place_rows(&p->output, (element)p->output_type, output, (layout)p->output_layout, side);
}

void linear_print(FILE *to, const linear_problem *p) { LINEAR_INTEGERS(CORPUS_PRINT) }

void linear_reset(linear_problem *p) { array_wipe(&p->output); }

uint64_t linear_hash(const linear_problem *p) { return array_hash(&p->output, 3); }
