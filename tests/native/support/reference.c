// SPDX-License-Identifier: Apache-2.0
#include "reference.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "guard.h"

// A product or sum of two f32 values, formed in double and rounded once more, is the correctly rounded f32 one.
static double round_if(int mode, double x) {
  return mode == REFERENCE_ROUNDED || mode == REFERENCE_ROUNDED_REVERSED ? (double)(float)x : x;
}

static double element_at(const rapt_tensor *t, int64_t i, int64_t j, int64_t k, int64_t l) {
  if (t->dtype == REFERENCE_F64) return ((const double *)t->data)[tensor_index(t, i, j, k, l)];
  return (double)*tensor_f32(t, i, j, k, l);
}

// The n-th index to add up, from one end or from the other.
static int64_t turn(int mode, int64_t n, int64_t count) {
  return mode == REFERENCE_ROUNDED_REVERSED ? count - 1 - n : n;
}

__int128 reference_position(const rapt_sdpa *call, int64_t b, int64_t i) {
  const rapt_tensor *t = &call->positions;
  int64_t first = call->options.position;
  if (t->dtype == RAPT_I32) {
    first = ((const int32_t *)t->data)[b * t->stride[0]];
  } else if (t->dtype == RAPT_I64) {
    first = ((const int64_t *)t->data)[b * t->stride[0]];
  }
  return (__int128)i + first;
}

int reference_visible(const rapt_sdpa *call, int64_t b, int64_t h, int64_t i, int64_t j) {
  const rapt_sdpa_options *options = &call->options;
  __int128 position = reference_position(call, b, i);
  if ((options->flags & RAPT_CAUSAL) && j > position) return 0;
  if (options->flags & RAPT_WINDOW) {
    if (options->window_left >= 0 && j < position - options->window_left) return 0;
    if (options->window_right >= 0 && j > position + options->window_right) return 0;
  }
  if (tensor_present(&call->mask) && !*tensor_bool(&call->mask, b, h, i, j)) return 0;
  return !(tensor_present(&call->bias) && element_at(&call->bias, b, h, i, j) == -INFINITY);
}

// Scale times dot product, then softcap: the part of a score that looks at no mask.
static double raw_score(const rapt_sdpa *call, int mode, int softcapped, int64_t b, int64_t h, int64_t i, int64_t j) {
  int64_t kv_head = h / (call->query_heads / call->kv_heads);
  double scale =
      call->options.flags & RAPT_SCALE ? (double)call->options.scale : round_if(mode, 1 / sqrt((double)call->head_dim));
  // The reversed mode scales the query and the other one the product: both are common, and round differently.
  double query_scale = mode == REFERENCE_ROUNDED_REVERSED ? scale : 1;
  double sum = 0;
  for (int64_t n = 0; n < call->head_dim; n++) {
    int64_t d = turn(mode, n, call->head_dim);
    double query = round_if(mode, element_at(&call->query, b, h, i, d) * query_scale);
    sum = round_if(mode, sum + round_if(mode, query * element_at(&call->key, b, kv_head, j, d)));
  }
  double score = mode == REFERENCE_ROUNDED_REVERSED ? sum : round_if(mode, sum * scale);
  double cap = (double)call->options.softcap;
  if (softcapped && cap > 0) {
    double bent = round_if(mode, tanh(round_if(mode, score / cap)));
    score = round_if(mode, cap * bent);
  }
  return score;
}

// What ALiBi subtracts; appended keys stand outside the sequence and have no distance.
static double alibi(const rapt_sdpa *call, int64_t appended, int64_t b, int64_t h, int64_t i, int64_t j) {
  if (!tensor_present(&call->alibi_slopes) || j >= call->kv_len - appended) return 0;
  double distance = fabs((double)(reference_position(call, b, i) - j));
  return element_at(&call->alibi_slopes, b, h, 0, 0) * distance;
}

static double full_score(const rapt_sdpa *call, int64_t appended, int mode, int64_t b, int64_t h, int64_t i,
                         int64_t j) {
  if (!reference_visible(call, b, h, i, j)) return -INFINITY;
  double score = raw_score(call, mode, 1, b, h, i, j);
  if (tensor_present(&call->bias)) score = round_if(mode, score + element_at(&call->bias, b, h, i, j));
  return round_if(mode, score - round_if(mode, alibi(call, appended, b, h, i, j)));
}

// The sum of the magnitudes of what a score is made of: what its rounding is relative to.
static double score_size(const rapt_sdpa *call, int64_t appended, int64_t b, int64_t h, int64_t i, int64_t j) {
  int64_t kv_head = h / (call->query_heads / call->kv_heads);
  double size = 0;
  for (int64_t d = 0; d < call->head_dim; d++) {
    size += fabs(element_at(&call->query, b, h, i, d) * element_at(&call->key, b, kv_head, j, d));
  }
  size *= call->options.flags & RAPT_SCALE ? fabs((double)call->options.scale) : 1 / sqrt((double)call->head_dim);
  size += tensor_present(&call->bias) ? fabs(element_at(&call->bias, b, h, i, j)) : 0;
  return size + fabs(alibi(call, appended, b, h, i, j));
}

// See REFERENCE_NUDGED.
static double nudge(const rapt_sdpa *call, int64_t appended, int64_t b, int64_t h, int64_t i, double *score,
                    double max) {
  double highest = -INFINITY;
  for (int64_t j = 0; j < call->kv_len; j++) {
    if (score[j] != -INFINITY) {
      double half_ulp = 0.5 * (double)FLT_EPSILON * score_size(call, appended, b, h, i, j);
      score[j] += score[j] == max ? half_ulp : -half_ulp;
      highest = fmax(highest, score[j]);
    }
  }
  return highest;
}

// Writes one row of weights at the stage the options name; score and p are the row's final scores and softmax.
static void write_weights(const rapt_sdpa *call, int mode, int64_t b, int64_t h, int64_t i, const double *score,
                          const double *p, double *row) {
  for (int64_t j = 0; j < call->kv_len; j++) {
    switch (call->options.weights_stage) {
      case RAPT_WEIGHTS_RAW:
      case RAPT_WEIGHTS_SOFTCAP:
        row[j] = raw_score(call, mode, call->options.weights_stage == RAPT_WEIGHTS_SOFTCAP, b, h, i, j);
        break;
      case RAPT_WEIGHTS_BIAS:
        row[j] = score[j];
        break;
      default:
        row[j] = p[j];
        break;
    }
  }
}

// What one query gives; weights may be NULL. score and p are scratch of kv_len elements.
typedef struct attended {
  double *output, *lse, *weights;
  double *score, *p;
} attended;

// One query: scores, softmax, weighted sum.
static void attend(const rapt_sdpa *call, int64_t appended, int mode, int64_t b, int64_t h, int64_t i,
                   const attended *to) {
  double *score = to->score, *p = to->p, *output = to->output, *lse = to->lse, *weights = to->weights;
  int64_t kv_head = h / (call->query_heads / call->kv_heads);
  double max = -INFINITY;
  int poisoned = 0;
  for (int64_t j = 0; j < call->kv_len; j++) {
    score[j] = full_score(call, appended, mode, b, h, i, j);
    poisoned |= isnan(score[j]);
    max = fmax(max, score[j]);
  }
  if (mode == REFERENCE_NUDGED) max = nudge(call, appended, b, h, i, score, max);
  int empty = max == -INFINITY && !poisoned;
  double sink = tensor_present(&call->sinks) ? element_at(&call->sinks, b, h, 0, 0) : -INFINITY;
  double top = fmax(max, sink);
  double sum = empty ? 0 : round_if(mode, exp(round_if(mode, sink - top)));
  for (int64_t j = 0; j < call->kv_len; j++) {
    p[j] = score[j] == -INFINITY ? 0 : round_if(mode, exp(round_if(mode, score[j] - top)));
  }
  for (int64_t n = 0; n < call->kv_len; n++) sum = round_if(mode, sum + p[turn(mode, n, call->kv_len)]);
  *lse = empty ? -INFINITY : round_if(mode, top + round_if(mode, log(sum)));
  for (int64_t d = 0; d < call->value_dim; d++) {
    double total = 0;
    for (int64_t j = 0; j < call->kv_len; j++) {
      if (score[j] != -INFINITY) {
        double product = round_if(mode, p[j] * element_at(&call->value, b, kv_head, j, d));
        total = round_if(mode, total + product);
      }
    }
    output[d] = empty ? 0 : round_if(mode, total / sum);
  }
  for (int64_t j = 0; j < call->kv_len; j++) p[j] = score[j] == -INFINITY ? 0 : round_if(mode, p[j] / sum);
  if (weights != NULL) write_weights(call, mode, b, h, i, score, p, weights);
}

void reference_attention(const rapt_sdpa *call, int mode, double *output, double *lse, double *weights) {
  reference_attention_appended(call, 0, mode, output, lse, weights);
}

void reference_attention_appended(const rapt_sdpa *call, int64_t appended, int mode, double *output, double *lse,
                                  double *weights) {
  double *score = malloc(2 * (size_t)(call->kv_len + 1) * sizeof *score);
  if (score == NULL) check_abort("the test cannot allocate its reference scores");
  double *p = score + call->kv_len + 1;
  int64_t row = 0;
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t h = 0; h < call->query_heads; h++) {
      for (int64_t i = 0; i < call->query_len; i++, row++) {
        attend(call, appended, mode, b, h, i,
               &(attended){output + row * call->value_dim, lse + row,
                           weights != NULL ? weights + row * call->kv_len : NULL, score, p});
      }
    }
  }
  free(score);
}

void reference_linear(const rapt_linear_parameters *weights, const rapt_linear *call, int mode, double *output) {
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t r = 0; r < call->rows; r++) {
      for (int64_t o = 0; o < weights->out_features; o++) {
        double sum = 0;
        for (int64_t n = 0; n < weights->in_features; n++) {
          int64_t i = turn(mode, n, weights->in_features);
          double product =
              round_if(mode, element_at(&call->input, b, r, i, 0) * element_at(&weights->weight, o, i, 0, 0));
          sum = round_if(mode, sum + product);
        }
        if (tensor_present(&weights->bias)) sum = round_if(mode, sum + element_at(&weights->bias, o, 0, 0, 0));
        *output++ = sum;
      }
    }
  }
}

reference_result reference_result_make(int64_t count) {
  reference_result result = {.count = count};
  for (int mode = 0; mode < REFERENCE_MODES; mode++) {
    result.in[mode] = calloc((size_t)count + 1, sizeof(double));
    if (result.in[mode] == NULL) check_abort("the test cannot allocate %lld reference elements", (long long)count);
  }
  return result;
}

void reference_result_free(reference_result *result) {
  for (int mode = 0; mode < REFERENCE_MODES; mode++) {
    free(result->in[mode]);
    result->in[mode] = NULL;
  }
}

double reference_bound(const reference_result *result, double magnitude) {
  double largest = 0;
  for (int64_t i = 0; i < result->count; i++) {
    double exact = result->in[REFERENCE_EXACT][i];
    if (!isfinite(exact)) continue;
    magnitude = fmax(magnitude, fabs(exact));
    for (int mode = REFERENCE_EXACT + 1; mode < REFERENCE_MODES; mode++) {
      double distance = fabs(exact - result->in[mode][i]);
      largest = isfinite(distance) ? fmax(largest, distance) : largest;
    }
  }
  return 2 * largest + 4 * (double)FLT_EPSILON * magnitude;
}
