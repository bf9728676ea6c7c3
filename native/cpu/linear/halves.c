// SPDX-License-Identifier: Apache-2.0
// Weights that stay f16 or bf16 into panels: pairs of neighbouring input features, transposed as 32-bit words.
#include <string.h>

#include "cpu/linear/packing.h"

// Pairs of a panel that are packed at a time: 16 KiB of words, which L1 keeps.
#define SOME_PAIRS 128

// Where input features k and k + 1 of a panel go.
static uint16_t *pair_at(const rapt_packing *p, int64_t panel, int64_t k) {
  return (uint16_t *)p->panels + (panel * p->parameters->in_features + k) * p->kernels->panel_width;
}

// From pairs to rows of `width`, two of each row of words.
static void unzip(const uint32_t *words, int64_t pairs, int64_t width, uint16_t *to) {
  for (int64_t pair = 0; pair < pairs; pair++, words += width, to += 2 * width) {
    for (int64_t i = 0; i < width; i++) {
      to[i] = (uint16_t)words[i];
      to[width + i] = (uint16_t)(words[i] >> 16);
    }
  }
}

static void zip(const uint16_t *a, const uint16_t *b, int64_t count, uint16_t *to) {
  for (int64_t i = 0; i < count; i++) {
    to[2 * i] = a[i];
    to[2 * i + 1] = b[i];
  }
}

static void pack_rows(const rapt_packing *p, int64_t panel, int64_t from, int64_t to) {
  float staged[RAPT_MAX_PANEL_WIDTH * SOME_PAIRS], words[RAPT_MAX_PANEL_WIDTH * SOME_PAIRS + RAPT_PACK_SLACK];
  const float *rows[RAPT_MAX_PANEL_WIDTH];
  const rapt_tensor *w = &p->parameters->weight;
  int64_t width = p->kernels->panel_width, count = rapt_packing_features(p, panel), step = 2 * SOME_PAIRS;
  int64_t apart = w->stride[1] * rapt_element_size(w->dtype);
  int is_pairs = w->dtype == RAPT_BF16;
  for (int64_t k = from; k < to; k += step) {
    int64_t depth = rapt_min(step, to - k);
    for (int64_t i = 0; i < count; i++) {
      const char *row = rapt_packing_weight(p, panel * width + i, k);
      if (k + step < to) rapt_packing_prefetch(row + step * apart, apart, rapt_min(step, to - k - step));
      rows[i] = rapt_read_pairs(row, w->stride[1], depth, staged + i * SOME_PAIRS);
    }
    uint16_t *out = pair_at(p, panel, k);
    p->kernels->pack(rows, count, depth / 2, width, is_pairs ? (float *)out : words);
    if (!is_pairs) unzip((const uint32_t *)words, depth / 2, width, out);
  }
}

// Input features k and k + 1 of the panels, from one run of all their output features each.
static void pack_pair(const rapt_packing *p, int64_t first, int64_t last, int64_t k, uint16_t *const runs[2]) {
  int64_t width = p->kernels->panel_width;
  for (int64_t panel = first, at = 0; panel < last; panel++, at += width) {
    int64_t features = rapt_packing_features(p, panel);
    uint16_t *to = pair_at(p, panel, k);
    if (features < width) memset(to, 0, (size_t)(2 * width) * sizeof *to);
    if (p->parameters->weight.dtype == RAPT_BF16) {
      zip(runs[0] + at, runs[1] + at, features, to);
      continue;
    }
    memcpy(to, runs[0] + at, (size_t)features * sizeof *to);
    memcpy(to + width, runs[1] + at, (size_t)features * sizeof *to);
  }
}

static void pack_columns(const rapt_packing *p, int64_t first, int64_t last, int64_t from, int64_t to) {
  uint16_t runs[2][RAPT_MOST_PACKED_FEATURES];
  const rapt_tensor *w = &p->parameters->weight;
  int64_t feature = first * p->kernels->panel_width, ahead = RAPT_RUNS_AHEAD;
  int64_t count = rapt_min(p->parameters->out_features, last * p->kernels->panel_width) - feature;
  int64_t apart = w->stride[0] * rapt_element_size(w->dtype);
  for (int64_t k = from; k < to; k += 2) {
    for (int64_t h = 0; h < 2; h++) {
      if (k + h + ahead < to) rapt_packing_prefetch(rapt_packing_weight(p, feature, k + h + ahead), apart, count);
      rapt_read_bf16(rapt_packing_weight(p, feature, k + h), w->stride[0], count, runs[h]);
    }
    pack_pair(p, first, last, k, (uint16_t *const[2]){runs[0], runs[1]});
  }
}

void rapt_cpu_pack_halves(rapt_cpu_context *context, const rapt_linear_parameters *parameters, void *panels) {
  rapt_packing p = {.kernels = &context->kernels,
                    .parameters = parameters,
                    .panels = panels,
                    .rows = pack_rows,
                    .columns = pack_columns};
  rapt_packing_run(context, &p, 2);
}
