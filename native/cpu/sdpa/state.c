// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/state.h"

#include <float.h>
#include <math.h>

static int update_panel(const rapt_kernels *kernels, const rapt_softmax *state, const rapt_softmax_step *step,
                        float *scores, float *correction) {
  return kernels->softmax(step->keys, state->width, step->to_exponent, step->headroom, scores, state->maximum,
                          state->sum, correction);
}

static int update_rows(const rapt_kernels *kernels, const rapt_softmax *state, const rapt_softmax_step *step,
                       float *scores, float *correction) {
  kernels->softmax_rows(state->rows, step->keys, step->stride, step->to_exponent, scores, state->maximum, state->sum,
                        correction);
  return 1;
}

int rapt_softmax_update(const rapt_kernels *kernels, const rapt_softmax *state, const rapt_softmax_step *step,
                        float *scores, float *correction) {
  int in_rows = state->layout == RAPT_SOFTMAX_ROWS;
  if (step->visible == NULL) {
    if (in_rows) return update_rows(kernels, state, step, scores, correction);
    return update_panel(kernels, state, step, scores, correction);
  }
  int64_t rows = in_rows ? state->rows : 1, count = in_rows ? step->keys : step->keys * state->width;
  for (int64_t r = 0; r < rows; r++) {
    // A score of -inf is not visible.
    const float *row = scores + r * step->stride;
    for (int64_t i = 0; i < count; i++) step->visible[r * count + i] = row[i] != -INFINITY;
  }
  int moved = in_rows ? update_rows(kernels, state, step, scores, correction)
                      : update_panel(kernels, state, step, scores, correction);
  for (int64_t r = 0; r < rows; r++) {
    float *row = scores + r * step->stride;
    for (int64_t i = 0; i < count; i++) {
      if (step->visible[r * count + i] && row[i] == 0) row[i] = FLT_TRUE_MIN;
    }
  }
  return moved;
}

// Adds the output of one state to that of another: per row, keep times the one and take times the other.
static void add_output(const rapt_softmax *to, const rapt_softmax *from, const float *keep, const float *take) {
  float *output = to->output;
  const float *other = from->output;
  if (to->layout == RAPT_SOFTMAX_ROWS) {
    for (int64_t r = 0; r < to->rows; r++, output += to->value_dim, other += to->value_dim) {
      for (int64_t d = 0; d < to->value_dim; d++) output[d] = output[d] * keep[r] + other[d] * take[r];
    }
    return;
  }
  for (int64_t d = 0; d < to->value_dim; d++, output += to->rows, other += to->rows) {
    for (int64_t r = 0; r < to->rows; r++) output[r] = output[r] * keep[r] + other[r] * take[r];
  }
}

void rapt_softmax_merge(const rapt_softmax *states, int64_t count, float to_exponent) {
  for (int64_t n = 1; n < count; n++) {
    const rapt_softmax other = rapt_softmax_at(states, n);
    float *maximum = states->maximum, *sum = states->sum, keep[RAPT_MAX_PANEL_WIDTH], take[RAPT_MAX_PANEL_WIDTH];
    for (int64_t r = 0; r < states->width; r++) {
      float highest = other.maximum[r] > maximum[r] ? other.maximum[r] : maximum[r];
      // Equal maxima have weight 1, also where both are -inf, whose difference would be NaN: a chunk without a visible
      // key then adds 0.
      keep[r] = maximum[r] == highest ? 1.0f : exp2f((maximum[r] - highest) * to_exponent);
      take[r] = other.maximum[r] == highest ? 1.0f : exp2f((other.maximum[r] - highest) * to_exponent);
      maximum[r] = highest;
      sum[r] = sum[r] * keep[r] + other.sum[r] * take[r];
    }
    add_output(states, &other, keep, take);
  }
}

void rapt_softmax_total_begin(const rapt_softmax_total *total, const rapt_softmax *state) {
  for (int64_t r = 0; r < state->width; r++) total->maximum[r] = -INFINITY;
  memset(total->sum, 0, (size_t)state->width * sizeof(double));
  memset(total->output, 0, (size_t)rapt_softmax_output_size(state) * sizeof(double));
}

void rapt_softmax_total_add(const rapt_kernels *kernels, const rapt_softmax_total *total, const rapt_softmax *state,
                            float to_exponent) {
  double keep[RAPT_MAX_PANEL_WIDTH], take[RAPT_MAX_PANEL_WIDTH];
  for (int64_t r = 0; r < state->width; r++) {
    float before = total->maximum[r], now = state->maximum[r], highest = now > before ? now : before;
    // Equal maxima weigh 1, also where both are -inf. In double, as a total may be scaled thousands of times.
    keep[r] = before == highest ? 1.0 : exp2(((double)before - highest) * to_exponent);
    take[r] = now == highest ? 1.0 : exp2(((double)now - highest) * to_exponent);
    total->maximum[r] = highest;
    total->sum[r] = total->sum[r] * keep[r] + state->sum[r] * take[r];
    state->sum[r] = 0;
  }
  double *output = total->output;
  const float *other = state->output;
  if (state->layout == RAPT_SOFTMAX_PANEL) {
    kernels->add_to_total(state->value_dim, state->rows, keep, take, other, output);
    return;
  }
  for (int64_t r = 0; r < state->rows; r++, output += state->value_dim, other += state->value_dim) {
    for (int64_t d = 0; d < state->value_dim; d++) output[d] = output[d] * keep[r] + other[d] * take[r];
  }
}

void rapt_softmax_total_take(const rapt_softmax_total *total, const rapt_softmax *state) {
  for (int64_t r = 0; r < state->width; r++) {
    state->maximum[r] = total->maximum[r];
    state->sum[r] = (float)total->sum[r];
  }
  int64_t elements = rapt_softmax_output_size(state);
  for (int64_t i = 0; i < elements; i++) state->output[i] = (float)total->output[i];
}

void rapt_softmax_copy(const rapt_softmax *from, const rapt_softmax *to) {
  memcpy(to->maximum, from->maximum, (size_t)from->width * sizeof(float));
  memcpy(to->sum, from->sum, (size_t)from->width * sizeof(float));
  memcpy(to->output, from->output, (size_t)rapt_softmax_output_size(from) * sizeof(float));
}

void rapt_softmax_finish(const rapt_softmax *state, int64_t count, float softmax_scale, const float *sinks,
                         float *factor, float *lse) {
  for (int64_t r = 0; r < count; r++) {
    float sum = state->sum[r];
    // A row without a visible key is 0, whatever the sink.
    if (sum == 0) {
      factor[r] = 0;
      if (lse != NULL) lse[r] = -INFINITY;
      continue;
    }
    // The sum of exp(score) is total * e^reference.
    double highest = (double)state->maximum[r] * softmax_scale, reference = highest, total = sum;
    factor[r] = 1 / sum;
    if (sinks != NULL) {
      reference = sinks[r] > highest ? sinks[r] : highest;
      double keep = exp(highest - reference);
      total = sum * keep + exp(sinks[r] - reference);
      factor[r] = (float)(keep / total);
    }
    // Only where it is wanted: a logarithm per row takes a hundredth of the time of a short sequence.
    if (lse != NULL) lse[r] = (float)(reference + log(total));
  }
}
