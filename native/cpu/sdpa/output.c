// SPDX-License-Identifier: Apache-2.0
// From unnormalised results to the caller's memory: merging splits, sinks, normalisation, LSE and weights.
#include <math.h>
#include <string.h>

#include "cpu/sdpa/parts.h"

void rapt_sdpa_partials_lay(rapt_arena *arena, const rapt_cpu_context *context, const rapt_sdpa_problem *problem,
                            const rapt_cpu_sdpa *g, rapt_sdpa_partials *partials) {
  *partials = (rapt_sdpa_partials){0};
  if (g->splits == 1) return;
  int64_t width = g->path == RAPT_SDPA_DECODE ? RAPT_DECODE_WIDTH : context->kernels.panel_width;
  int64_t lanes = g->path == RAPT_SDPA_DECODE ? problem->rows : width, count;
  partials->width = width;
  partials->output_size = lanes * problem->call.value_dim;
  if (__builtin_mul_overflow(g->units, g->panels * g->splits, &count) || count > INT64_MAX / partials->output_size) {
    arena->overflow = 1;
    return;
  }
  if (g->path == RAPT_SDPA_DECODE) partials->tasks_left = rapt_arena_take(arena, g->units, sizeof(atomic_int));
  partials->maximum = rapt_arena_take(arena, count * width, sizeof(float));
  partials->sum = rapt_arena_take(arena, count * width, sizeof(float));
  partials->output = rapt_arena_take(arena, count * partials->output_size, sizeof(float));
}

void rapt_sdpa_partials_merge(const rapt_sdpa_partials *partials, const rapt_sdpa_problem *problem, rapt_sdpa_path path,
                              int64_t first, int64_t splits) {
  int64_t width = partials->width, depth = problem->call.value_dim;
  float *maximum = partials->maximum + first * width, *sum = partials->sum + first * width;
  for (int64_t split = 1; split < splits; split++) {
    const float *other_maximum = maximum + split * width, *other_sum = sum + split * width;
    float *output = partials->output + first * partials->output_size;
    const float *other = output + split * partials->output_size;
    float keep[RAPT_MAX_PANEL_WIDTH], take[RAPT_MAX_PANEL_WIDTH];
    for (int64_t r = 0; r < width; r++) {
      float highest = other_maximum[r] > maximum[r] ? other_maximum[r] : maximum[r];
      // Equal maxima weigh 1, also where both are -inf: a chunk without a visible key adds nothing, and no NaN.
      keep[r] = maximum[r] == highest ? 1.0f : exp2f((maximum[r] - highest) * problem->to_exponent);
      take[r] = other_maximum[r] == highest ? 1.0f : exp2f((other_maximum[r] - highest) * problem->to_exponent);
      maximum[r] = highest;
      sum[r] = sum[r] * keep[r] + other_sum[r] * take[r];
    }
    // [row][value_dim] or [value_dim][lane].
    int64_t lanes = partials->output_size / depth, outer = path == RAPT_SDPA_DECODE ? lanes : depth;
    int64_t inner = partials->output_size / outer;
    for (int64_t i = 0; i < outer; i++, output += inner, other += inner) {
      if (path == RAPT_SDPA_DECODE) {
        for (int64_t k = 0; k < inner; k++) output[k] = output[k] * keep[i] + other[k] * take[i];
      } else {
        for (int64_t k = 0; k < inner; k++) output[k] = output[k] * keep[k] + other[k] * take[k];
      }
    }
  }
}

// What turns a row's unnormalised results, which are relative to its maximum score, into final ones.
typedef struct norm {
  float factor;
  float lse;
} norm;

static norm normalise(const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes, int64_t r, float maximum,
                      float sum) {
  const rapt_tensor *sinks = &problem->call.sinks;
  // No visible key: 0, whatever the sink.
  if (sum == 0) return (norm){.factor = 0, .lse = -INFINITY};
  double highest = (double)maximum * problem->softmax_scale;
  if (sinks->data == NULL) {
    // A logarithm per row is worth a hundredth of a short sequence.
    int wanted = rapt_is_present(&problem->call.lse);
    return (norm){.factor = 1 / sum, .lse = wanted ? (float)(highest + log((double)sum)) : 0};
  }
  double sink = ((const float *)sinks->data)[lanes->batch * sinks->stride[0] + lanes->head[r] * sinks->stride[1]];
  double reference = sink > highest ? sink : highest;
  double keep = exp(highest - reference), total = sum * keep + exp(sink - reference);
  return (norm){.factor = (float)(keep / total), .lse = (float)(reference + log(total))};
}

static void finish_weights(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes,
                           int64_t r, float maximum, float factor) {
  const rapt_sdpa *c = &problem->call;
  float *row = rapt_f32_row(&c->weights, lanes->batch, lanes->head[r], lanes->query[r]);
  int64_t stride = c->weights.stride[3];
  float some[256];
  for (int64_t j = 0; j < c->kv_len;) {
    int64_t left = c->kv_len - j, count = stride == 1 || left < 256 ? left : 256;
    float *at = row + j * stride;
    if (stride != 1) {
      rapt_read_row(kernels, RAPT_F32, at, stride, count, some);
      at = some;
    }
    kernels->weigh(count, problem->to_exponent, maximum, factor, at);
    if (stride != 1) rapt_write_row(kernels, some, count, RAPT_F32, row + j * stride, stride);
    j += count;
  }
}

static void write_panel(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes,
                        const float *factor, const float *output, float *staging) {
  const rapt_tensor *out = &problem->call.output;
  int64_t depth = problem->call.value_dim;
  float *rows[RAPT_MAX_PANEL_WIDTH] = {0};
  int direct = rapt_is_plain(out->dtype, out->stride[3]);
  for (int64_t r = 0; r < lanes->count; r++) {
    rows[r] = direct ? rapt_row(out, lanes->batch, lanes->head[r], lanes->query[r]) : staging + r * depth;
  }
  kernels->unpack(output, lanes->count, depth, lanes->width, factor, rows);
  for (int64_t r = 0; !direct && r < lanes->count; r++) {
    void *row = rapt_row(out, lanes->batch, lanes->head[r], lanes->query[r]);
    rapt_write_row(kernels, rows[r], depth, out->dtype, row, out->stride[3]);
  }
}

static void write_rows(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes,
                       const float *factor, float *output) {
  const rapt_tensor *out = &problem->call.output;
  int64_t depth = problem->call.value_dim;
  for (int64_t r = 0; r < lanes->count; r++) {
    float *from = output + r * depth;
    for (int64_t d = 0; d < depth; d++) from[d] *= factor[r];
    void *row = rapt_row(out, lanes->batch, lanes->head[r], lanes->query[r]);
    rapt_write_row(kernels, from, depth, out->dtype, row, out->stride[3]);
  }
}

void rapt_sdpa_finish(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes,
                      rapt_sdpa_path path, const float *maximum, const float *sum, float *output, float *staging) {
  const rapt_sdpa *c = &problem->call;
  float factor[RAPT_MAX_PANEL_WIDTH] = {0};
  int weights = rapt_is_present(&c->weights) && c->options.weights_stage == RAPT_WEIGHTS_SOFTMAX;
  for (int64_t r = 0; r < lanes->count; r++) {
    norm n = normalise(problem, lanes, r, maximum[r], sum[r]);
    factor[r] = n.factor;
    if (weights) finish_weights(kernels, problem, lanes, r, maximum[r], n.factor);
    if (rapt_is_present(&c->lse)) {
      const rapt_tensor *lse = &c->lse;
      *(rapt_f32_row(lse, lanes->batch, lanes->head[r], lanes->query[r])) = n.lse;
    }
  }
  if (path == RAPT_SDPA_DECODE) {
    write_rows(kernels, problem, lanes, factor, output);
  } else {
    write_panel(kernels, problem, lanes, factor, output, staging);
  }
}
