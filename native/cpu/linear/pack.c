// SPDX-License-Identifier: Apache-2.0
// Weights into panels of floats: read once, in the order in which they lie.
#include <string.h>

#include "cpu/linear/packing.h"

// Input features of a panel that are converted before they are transposed; 16 KiB, which L1 keeps.
#define STAGED 128

static float *panel_at(const rapt_packing *p, int64_t panel, int64_t k) {
  return (float *)p->panels + (panel * p->parameters->in_features + k) * p->kernels->panel_width;
}

// Transposed from rows that are read as they lie or in converted pieces.
static void pack_rows(const rapt_packing *p, int64_t panel, int64_t from, int64_t to) {
  float staged[RAPT_MAX_PANEL_WIDTH * STAGED];
  const float *rows[RAPT_MAX_PANEL_WIDTH];
  const rapt_tensor *w = &p->parameters->weight;
  int64_t width = p->kernels->panel_width, count = rapt_packing_features(p, panel);
  int64_t step = rapt_is_plain(w->dtype, w->stride[1]) ? to - from : STAGED;
  int64_t apart = w->stride[1] * rapt_element_size(w->dtype);
  for (int64_t k = from; k < to; k += step) {
    int64_t depth = rapt_min(step, to - k);
    for (int64_t i = 0; i < count; i++) {
      const char *row = rapt_packing_weight(p, panel * width + i, k);
      if (k + step < to) rapt_packing_prefetch(row + step * apart, apart, rapt_min(step, to - k - step));
      rows[i] = rapt_read_row(p->kernels, w->dtype, row, w->stride[1], depth, staged + i * STAGED);
    }
    p->kernels->pack(rows, count, depth, width, panel_at(p, panel, k));
  }
}

static void pack_columns(const rapt_packing *p, int64_t first, int64_t last, int64_t from, int64_t to) {
  float staged[RAPT_MOST_PACKED_FEATURES];
  const rapt_tensor *w = &p->parameters->weight;
  int64_t width = p->kernels->panel_width, feature = first * width, ahead = RAPT_RUNS_AHEAD;
  int64_t count = rapt_min(p->parameters->out_features, last * width) - feature;
  // With one output feature its stride may be any number.
  int64_t apart = p->parameters->out_features > 1 ? w->stride[0] * rapt_element_size(w->dtype) : 0;
  for (int64_t k = from; k < to; k++) {
    if (k + ahead < to) rapt_packing_prefetch(rapt_packing_weight(p, feature, k + ahead), apart, count);
    const void *at = rapt_packing_weight(p, feature, k);
    const float *run = rapt_read_row(p->kernels, w->dtype, at, w->stride[0], count, staged);
    for (int64_t panel = first; panel < last; panel++, run += width) {
      int64_t features = rapt_packing_features(p, panel);
      float *to_panel = panel_at(p, panel, k);
      memcpy(to_panel, run, (size_t)features * sizeof *run);
      if (features < width) memset(to_panel + features, 0, (size_t)(width - features) * sizeof *run);
    }
  }
}

void rapt_cpu_pack(rapt_cpu_context *context, const rapt_linear_parameters *parameters, float *panels) {
  rapt_packing p = {.kernels = &context->kernels,
                    .parameters = parameters,
                    .panels = panels,
                    .rows = pack_rows,
                    .columns = pack_columns};
  rapt_packing_run(context, &p, 1);
}
