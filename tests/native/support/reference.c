// SPDX-License-Identifier: Apache-2.0
#include "reference.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "cuda/selfcheck/bound.h"
#include "guard.h"

static void *take(int64_t count, size_t size) {
  void *data = calloc((size_t)count + 1, size);
  if (data == NULL) check_abort("the test cannot allocate %lld reference elements", (long long)count);
  return data;
}

static double *doubles(int64_t count) { return take(count, sizeof(double)); }

reference_number *reference_numbers(int64_t count) { return take(count, sizeof(reference_number)); }

static reference_number number_at(const rapt_tensor *t, int64_t i, int64_t j, int64_t k, int64_t l) {
  if (t->dtype == REFERENCE_NUMBER) return ((const reference_number *)t->data)[tensor_index(t, i, j, k, l)];
  return (reference_number){.value = (double)*tensor_f32(t, i, j, k, l)};
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
  return !(tensor_present(&call->bias) && number_at(&call->bias, b, h, i, j).value == -INFINITY);
}

// What does not depend on the query: per head of keys and values, bound_repeats of the numbers of a key, and of the
// values of a column.
typedef struct repeated {
  double *key, *column;
} repeated;

static repeated repeated_of(const rapt_sdpa *call) {
  const int64_t heads = call->batch * call->kv_heads, kv = call->kv_len;
  repeated r = {doubles(heads * kv), doubles(heads * call->value_dim)};
  double *terms = doubles(kv > call->head_dim ? kv : call->head_dim);
  for (int64_t n = 0; n < heads; n++) {
    const int64_t b = n / call->kv_heads, h = n % call->kv_heads;
    for (int64_t j = 0; j < kv; j++) {
      for (int64_t d = 0; d < call->head_dim; d++) terms[d] = number_at(&call->key, b, h, j, d).value;
      r.key[n * kv + j] = bound_repeats(terms, call->head_dim);
    }
    for (int64_t d = 0; d < call->value_dim; d++) {
      for (int64_t j = 0; j < kv; j++) terms[j] = number_at(&call->value, b, h, j, d).value;
      r.column[n * call->value_dim + d] = bound_repeats(terms, kv);
    }
  }
  free(terms);
  return r;
}

// One query, and what it is attended with. The arrays hold the keys that it sees.
typedef struct row {
  const rapt_sdpa *call;
  const reference_rules *rules;
  int64_t b, h, i, kv_head;
  // bound_repeats of the query's numbers.
  double repeats;
  // The query's own numbers.
  reference_number *query;
  int64_t keys;
  int64_t *key;
  // Per key: the score, its own error, and the error that the query's error makes.
  double *score, *error, *shared;
  double *weight, *change, *change_shared;
  double *value, *value_error, *product;
} row;

static int has_errors(const rapt_tensor *t) { return t->dtype == REFERENCE_NUMBER; }

// What ALiBi subtracts; appended keys stand outside the sequence and have no distance.
static double alibi(const row *r, int64_t j) {
  const rapt_sdpa *call = r->call;
  if (!tensor_present(&call->alibi_slopes) || j >= call->kv_len - r->rules->appended) return 0;
  double distance = fabs((double)(reference_position(call, r->b, r->i) - j));
  return number_at(&call->alibi_slopes, r->b, r->h, 0, 0).value * distance;
}

static double square(double x) { return x * x; }

typedef struct scored {
  double value, error, shared;
} scored;

// A score at a stage before the softmax.
static scored score_of(const row *r, const repeated *alike, int32_t stage, int64_t j) {
  const rapt_sdpa *call = r->call;
  double scale = call->options.flags & RAPT_SCALE ? (double)call->options.scale : 1 / sqrt((double)call->head_dim);
  const double repeats = alike->key[(r->b * call->kv_heads + r->kv_head) * call->kv_len + j];
  double sum = 0, own = 0, shared = 0, denormal = 0;
  for (int64_t d = 0; d < call->head_dim; d++) {
    reference_number q = r->query[d], k = number_at(&call->key, r->b, r->kv_head, j, d);
    double product = q.value * k.value;
    sum += product;
    r->product[d] = product;
    own += square(q.value * k.error);
    shared += square(q.error * k.value);
    // Products of bf16 pairs take denormals as 0.
    if (fabs(q.value) < FLT_MIN || fabs(k.value) < FLT_MIN) denormal += fabs(product);
  }
  bound_terms terms = {.product = bound_sum(r->product, call->head_dim, repeats < r->repeats ? repeats : r->repeats, 0),
                       .scale = fabs(scale)};
  scored s = {.value = sum * scale};
  double cap = (double)call->options.softcap;
  if (stage != RAPT_WEIGHTS_RAW && cap > 0) {
    s.value = cap * tanh(s.value / cap);
    terms.capped = 1;
  }
  terms.score = s.value;
  if (stage == RAPT_WEIGHTS_BIAS) {
    reference_number bias = {0};
    if (tensor_present(&call->bias)) bias = number_at(&call->bias, r->b, r->h, r->i, j);
    s.value += bias.value - alibi(r, j);
    terms.added = fabs(bias.value) + fabs(alibi(r, j));
  }
  s.error = sqrt(square(bound_score(&terms)) + own * square(scale)) +
            fabs(scale) * (denormal + (double)call->head_dim * FLT_MIN);
  s.shared = fabs(scale) * sqrt(shared);
  return s;
}

static void write_scores(const row *r, const repeated *alike, reference_number *weights) {
  for (int64_t j = 0; j < r->call->kv_len; j++) {
    int bias = r->call->options.weights_stage == RAPT_WEIGHTS_BIAS;
    if (bias && !reference_visible(r->call, r->b, r->h, r->i, j)) {
      weights[j] = (reference_number){.value = -INFINITY};
      continue;
    }
    scored s = score_of(r, alike, r->call->options.weights_stage, j);
    weights[j] = (reference_number){s.value, s.error + s.shared};
  }
}

// Finds the keys that the query sees, with their scores. Returns the highest; NaN where a score is.
static double look(row *r, const repeated *alike) {
  double highest = -INFINITY;
  r->keys = 0;
  for (int64_t j = 0; j < r->call->kv_len; j++) {
    if (!reference_visible(r->call, r->b, r->h, r->i, j)) continue;
    scored s = score_of(r, alike, RAPT_WEIGHTS_BIAS, j);
    if (s.value == -INFINITY) continue;
    r->key[r->keys] = j;
    r->score[r->keys] = s.value;
    r->error[r->keys] = s.error;
    r->shared[r->keys] = s.shared;
    r->keys++;
    highest = isnan(s.value) || s.value > highest ? s.value : highest;
  }
  return highest;
}

static void attend(row *r, const repeated *alike, reference_number *output, reference_number *lse,
                   reference_number *weights) {
  const rapt_sdpa *call = r->call;
  for (int64_t d = 0; d < call->head_dim; d++) {
    r->query[d] = number_at(&call->query, r->b, r->h, r->i, d);
    r->value[d] = r->query[d].value;
  }
  r->repeats = bound_repeats(r->value, call->head_dim);
  double highest = look(r, alike);
  int softmax_asked = weights != NULL && call->options.weights_stage == RAPT_WEIGHTS_SOFTMAX;
  if (weights != NULL && !softmax_asked) write_scores(r, alike, weights);
  if (r->keys == 0) {
    *lse = (reference_number){.value = -INFINITY};
    return;
  }
  double sink = tensor_present(&call->sinks) ? number_at(&call->sinks, r->b, r->h, 0, 0).value : -INFINITY;
  double top = highest < sink ? sink : highest, total = exp(sink - top);
  for (int64_t n = 0; n < r->keys; n++) total += r->weight[n] = exp(r->score[n] - top);
  bound_softmax s = {.keys = r->keys,
                     .weight = r->weight,
                     .change = r->change,
                     .shared = has_errors(&call->query) ? r->change_shared : NULL,
                     .sink = exp(sink - top) / total,
                     .operand = r->rules->operand};
  if (s.sink > 0) s.sink_change = bound_change(s.sink, bound_argument(0, top - sink));
  for (int64_t n = 0; n < r->keys; n++) {
    r->weight[n] /= total;
    r->change[n] = bound_change(r->weight[n], bound_argument(r->error[n], top - r->score[n]));
    r->change_shared[n] = bound_change(r->weight[n], r->shared[n]);
    r->value[n] = r->weight[n];
  }
  s.repeats = bound_repeats(r->value, r->keys);
  s.roundings = bound_roundings(r->weight, r->keys);
  s.sum = bound_sum(r->weight, r->keys, s.repeats, s.roundings);
  s.alike = bound_alike(r->weight, r->keys, s.operand);
  double total_error = bound_total(&s);
  *lse = (reference_number){top + log(total), 0};
  lse->error = bound_lse(lse->value, top, total_error);
  const double *column = alike->column + (r->b * call->kv_heads + r->kv_head) * call->value_dim;
  for (int64_t d = 0; d < call->value_dim; d++) {
    for (int64_t n = 0; n < r->keys; n++) {
      reference_number v = number_at(&call->value, r->b, r->kv_head, r->key[n], d);
      r->value[n] = v.value;
      r->value_error[n] = v.error;
      r->product[n] = r->weight[n] * v.value;
      output[d].value += r->product[n];
    }
    output[d].error = bound_output(&s, &(bound_column){.value = r->value,
                                                       .product = r->product,
                                                       .error = has_errors(&call->value) ? r->value_error : NULL,
                                                       .repeats = column[d],
                                                       .output = output[d].value});
  }
  for (int64_t n = 0; n < r->keys && softmax_asked; n++) {
    weights[r->key[n]] = (reference_number){r->weight[n], bound_weight(&s, n, total_error)};
  }
}

void reference_attention(const rapt_sdpa *call, const reference_attended *to) {
  reference_attention_under(call, &(reference_rules){0}, to);
}

void reference_attention_under(const rapt_sdpa *call, const reference_rules *rules, const reference_attended *to) {
  enum { ARRAYS = 9 };
  const int64_t widest = call->kv_len > call->head_dim ? call->kv_len : call->head_dim;
  double *arrays = doubles(ARRAYS * widest);
  repeated alike = repeated_of(call);
  row r = {.call = call,
           .rules = rules,
           .query = reference_numbers(call->head_dim),
           .key = take(call->kv_len, sizeof(int64_t))};
  double **fields[ARRAYS] = {&r.score,         &r.error, &r.shared,      &r.weight, &r.change,
                             &r.change_shared, &r.value, &r.value_error, &r.product};
  for (int n = 0; n < ARRAYS; n++) *fields[n] = arrays + n * widest;
  int64_t n = 0;
  for (r.b = 0; r.b < call->batch; r.b++) {
    for (r.h = 0; r.h < call->query_heads; r.h++) {
      r.kv_head = r.h / (call->query_heads / call->kv_heads);
      for (r.i = 0; r.i < call->query_len; r.i++, n++) {
        attend(&r, &alike, to->output + n * call->value_dim, to->lse + n,
               to->weights != NULL ? to->weights + n * call->kv_len : NULL);
      }
    }
  }
  free(r.query), free(r.key), free(arrays);
  free(alike.key), free(alike.column);
}

void reference_linear(const rapt_linear_parameters *weights, const rapt_linear *call, reference_number *output) {
  const int64_t in = weights->in_features, out = weights->out_features;
  double *terms = doubles(in + 1);
  double *alike = doubles(out);
  for (int64_t o = 0; o < out; o++) {
    for (int64_t i = 0; i < in; i++) terms[i] = number_at(&weights->weight, o, i, 0, 0).value;
    alike[o] = bound_repeats(terms, in);
  }
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t r = 0; r < call->rows; r++) {
      for (int64_t i = 0; i < in; i++) terms[i] = number_at(&call->input, b, r, i, 0).value;
      const double repeats = bound_repeats(terms, in);
      for (int64_t o = 0; o < out; o++, output++) {
        double handed_on = 0;
        for (int64_t i = 0; i < in; i++) {
          reference_number x = number_at(&call->input, b, r, i, 0), w = number_at(&weights->weight, o, i, 0, 0);
          terms[i] = x.value * w.value;
          output->value += terms[i];
          handed_on += square(x.error * w.value);
        }
        terms[in] = tensor_present(&weights->bias) ? number_at(&weights->bias, o, 0, 0, 0).value : 0;
        output->value += terms[in];
        double own = bound_sum(terms, in + 1, repeats < alike[o] ? repeats : alike[o], 0);
        output->error = sqrt(square(own) + handed_on);
      }
    }
  }
  free(terms), free(alike);
}
