// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/output.h"

#include "cpu/engine/rows.h"
#include "cpu/sdpa/weights.h"

static void write_panel(const rapt_kernels *kernels, const rapt_tensor *out, const rapt_sdpa_queries *queries,
                        const rapt_softmax *state, const float *factor, float *staging) {
  int64_t depth = state->value_dim;
  unsigned char *rows[RAPT_MAX_PANEL_WIDTH];
  float *to[RAPT_MAX_PANEL_WIDTH] = {0};
  int direct = rapt_is_plain(out->dtype, out->stride[3]);
  rapt_sdpa_rows_of(out, queries, rows);
  for (int64_t r = 0; r < queries->count; r++) to[r] = direct ? (float *)rows[r] : staging + r * depth;
  kernels->unpack(state->output, queries->count, depth, queries->width, factor, to);
  for (int64_t r = 0; !direct && r < queries->count; r++) {
    rapt_write_row(kernels, to[r], depth, out->dtype, rows[r], out->stride[3]);
  }
}

static void write_rows(const rapt_kernels *kernels, const rapt_tensor *out, const rapt_sdpa_queries *queries,
                       const rapt_softmax *state, const float *factor) {
  int64_t depth = state->value_dim;
  for (int64_t r = 0; r < queries->count; r++) {
    float *from = state->output + r * depth;
    for (int64_t d = 0; d < depth; d++) from[d] *= factor[r];
    rapt_write_row(kernels, from, depth, out->dtype, rapt_sdpa_row_of(out, queries, r), out->stride[3]);
  }
}

void rapt_sdpa_write_results(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                             const rapt_sdpa_queries *queries, const rapt_softmax *state, float *staging,
                             float *weights) {
  const rapt_sdpa *c = &problem->call;
  float factor[RAPT_MAX_PANEL_WIDTH], sinks[RAPT_MAX_PANEL_WIDTH], lse[RAPT_MAX_PANEL_WIDTH];
  int has_sinks = rapt_is_present(&c->sinks), wants_lse = rapt_is_present(&c->lse);
  for (int64_t r = 0; has_sinks && r < queries->count; r++) sinks[r] = rapt_sdpa_head_value(&c->sinks, queries, r);
  rapt_softmax_finish(state, queries->count, problem->softmax_scale, has_sinks ? sinks : NULL, factor,
                      wants_lse ? lse : NULL);
  for (int64_t r = 0; wants_lse && r < queries->count; r++) *(float *)rapt_sdpa_row_of(&c->lse, queries, r) = lse[r];
  if (rapt_sdpa_shows(problem, RAPT_WEIGHTS_SOFTMAX)) {
    rapt_sdpa_finish_weights(kernels, problem, queries, state->maximum, factor, weights);
  }
  if (problem->missing_keys > 0 && rapt_is_present(&c->weights)) {
    rapt_sdpa_fill_missing_weights(kernels, problem, queries);
  }
  for (int64_t r = queries->count; r < queries->width; r++) factor[r] = 0;
  if (state->layout == RAPT_SOFTMAX_ROWS) {
    write_rows(kernels, &c->output, queries, state, factor);
  } else {
    write_panel(kernels, &c->output, queries, state, factor, staging);
  }
}
