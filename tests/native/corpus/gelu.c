// SPDX-License-Identifier: Apache-2.0
// GELU problems.
#include <string.h>

#include "problems.h"

int64_t draw_row_features(random_state *r) {
  static const int64_t features[] = {1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 128, 384, 768};
  if (random_percent(r, 60)) return PICK(r, features);
  return random_between(r, 1, random_percent(r, 90) ? 150 : 2500);
}

void fill_rows(random_state *r, array *a, float middle, int64_t special) {
  FOR_EACH(a, i, j, k, l) { array_set(a, array_index(a, i, j, k, l), middle + draw_special(r, special)); }
}

static void draw(random_state *r, gelu_problem *p) {
  p->batch = random_percent(r, 3) ? 0 : random_percent(r, 60) ? 1 : random_between(r, 2, 3);
  p->rows = random_percent(r, 25) ? 1 : random_between(r, 0, random_percent(r, 85) ? 12 : 60);
  p->features = draw_row_features(r);
  p->in_place = random_percent(r, 25);
  p->input_type = draw_float(r);
  p->output_type = p->in_place || random_percent(r, 60) ? p->input_type : (int64_t)draw_float(r);
  int layouts = p->in_place ? OUTPUT_LAYOUTS : INPUT_LAYOUTS;
  p->input_layout = random_percent(r, 50) ? LAYOUT_DENSE : random_between(r, 0, layouts - 1);
  p->output_layout = random_percent(r, 50) ? LAYOUT_DENSE : random_between(r, 0, OUTPUT_LAYOUTS - 1);
  p->special = random_percent(r, 25);
  p->guard = random_between(r, 0, 1);
}

void gelu_build(random_state *r, gelu_problem *p) {
  draw(r, p);
  int side = (int)p->guard;
  const int64_t size[3] = {p->batch, p->rows, p->features};
  array_place_rows(&p->input, (element)p->input_type, size, (layout)p->input_layout, side);
  fill_rows(r, &p->input, 0, p->special);
  array_clear(&p->before);
  if (p->in_place) {
    array_place_rows(&p->before, (element)p->input_type, size, (layout)p->input_layout, side);
    if (p->before.bytes) memcpy(p->before.start, p->input.start, p->before.bytes);
    array_view(&p->output, &p->input, 0, p->input.size);
  } else {
    array_place_rows(&p->output, (element)p->output_type, size, (layout)p->output_layout, side);
  }
}

void gelu_print(FILE *to, const gelu_problem *p) { GELU_INTEGERS(CORPUS_PRINT) }

void gelu_reset(gelu_problem *p) {
  if (!p->in_place) {
    array_wipe(&p->output);
  } else if (p->before.bytes) {
    memcpy(p->output.start, p->before.start, p->before.bytes);
  }
}

uint64_t gelu_hash(const gelu_problem *p) { return array_hash(&p->output, 5); }
