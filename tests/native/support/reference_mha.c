// SPDX-License-Identifier: Apache-2.0
#include "reference_mha.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cuda/selfcheck/bound.h"
#include "guard.h"
#include "reference.h"

static void *take(int64_t count, size_t size) {
  void *data = calloc((size_t)count + 1, size);
  if (data == NULL) check_abort("the test cannot allocate %lld reference elements", (long long)count);
  return data;
}

int64_t reference_mha_total(const rapt_mha *call) {
  return call->kv_len + (tensor_present(&call->bias_key) ? 1 : 0) +
         (call->mha_flags & RAPT_MHA_ADD_ZERO_ATTENTION ? 1 : 0);
}

// (batch, total, out_features): the projected rows, then the extra row (or zeros) in each appended place.
static reference_number *project(const rapt_mha *call, const rapt_linear_parameters *w, const rapt_tensor *input,
                                 int64_t rows, int64_t total, const rapt_tensor *extra) {
  const int64_t width = w->out_features;
  reference_number *all = reference_numbers(call->batch * total * width);
  for (int64_t b = 0; b < call->batch; b++) {
    rapt_linear one = {.input = *input, .batch = 1, .rows = rows};
    one.input.data = (float *)input->data + b * input->stride[0];
    reference_number *place = all + b * total * width;
    reference_linear(w, &one, place);
    for (int64_t o = 0; o < width && extra != NULL && tensor_present(extra); o++) {
      place[rows * width + o].value = (double)((const float *)extra->data)[o * extra->stride[0]];
    }
  }
  return all;
}

// A (batch, heads, rows, dim) view of projected rows.
static rapt_tensor heads_of(reference_number *rows, int64_t count, int64_t heads, int64_t dim) {
  return (rapt_tensor){.data = rows, .stride = {count * heads * dim, dim, heads * dim, 1}, .dtype = REFERENCE_NUMBER};
}

// The masks of the call, causality and window among them, as one boolean mask that shows the appended keys.
static unsigned char *combined_mask(const rapt_mha *call, int64_t total) {
  rapt_sdpa rules = {.mask = call->mask,
                     .bias = call->bias,
                     .positions = call->positions,
                     .kv_len = call->kv_len,
                     .options = call->options};
  unsigned char *mask = take(call->batch * call->query_heads * call->query_len * total, 1);
  unsigned char *at = mask;
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t h = 0; h < call->query_heads; h++) {
      for (int64_t i = 0; i < call->query_len; i++) {
        for (int64_t j = 0; j < total; j++) {
          int padding = j < call->kv_len && tensor_present(&call->key_padding_mask) &&
                        *tensor_bool(&call->key_padding_mask, b, j, 0, 0) != 0;
          *at++ = j >= call->kv_len || (!padding && reference_visible(&rules, b, h, i, j));
        }
      }
    }
  }
  return mask;
}

// The bias with zeros at the appended keys.
static reference_number *extended_bias(const rapt_mha *call, int64_t total) {
  reference_number *bias = reference_numbers(call->batch * call->query_heads * call->query_len * total);
  reference_number *at = bias;
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t h = 0; h < call->query_heads; h++) {
      for (int64_t i = 0; i < call->query_len; i++, at += total) {
        for (int64_t j = 0; j < call->kv_len; j++) at[j].value = (double)*tensor_f32(&call->bias, b, h, i, j);
      }
    }
  }
  return bias;
}

static void average(const rapt_mha *call, int64_t total, const reference_number *all, reference_number *mean) {
  const int64_t rows = call->query_len * total, heads = call->query_heads;
  double *terms = take(heads, sizeof *terms);
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t n = 0; n < rows; n++) {
      reference_number sum = {0};
      for (int64_t h = 0; h < heads; h++) {
        reference_number one = all[(b * heads + h) * rows + n];
        terms[h] = one.value;
        sum.value += one.value;
        sum.error += one.error;
      }
      sum.error += bound_sum(terms, heads, (double)heads, 0);
      mean[b * rows + n] = (reference_number){sum.value / (double)heads, sum.error / (double)heads};
    }
  }
  free(terms);
}

void reference_mha(const rapt_mha *call, const reference_projections *p, const reference_attended *to) {
  const int64_t total = reference_mha_total(call);
  const int64_t head_dim = p->query.out_features / call->query_heads;
  const int64_t value_dim = p->value.out_features / call->kv_heads;
  const int64_t rows = call->batch * call->query_heads * call->query_len;
  const int64_t score_stride[4] = {call->query_heads * call->query_len * total, call->query_len * total, total, 1};
  reference_number *q = project(call, &p->query, &call->query, call->query_len, call->query_len, NULL);
  reference_number *k = project(call, &p->key, &call->key, call->kv_len, total, &call->bias_key);
  reference_number *v = project(call, &p->value, &call->value, call->kv_len, total, &call->bias_value);
  unsigned char *mask = combined_mask(call, total);
  reference_number *bias = tensor_present(&call->bias) ? extended_bias(call, total) : NULL;
  reference_number *heads = reference_numbers(rows * value_dim);
  reference_number *all_weights = to->weights != NULL ? reference_numbers(rows * total) : NULL;
  rapt_sdpa attention = {
      .query = heads_of(q, call->query_len, call->query_heads, head_dim),
      .key = heads_of(k, total, call->kv_heads, head_dim),
      .value = heads_of(v, total, call->kv_heads, value_dim),
      .mask = {.data = mask, .dtype = RAPT_BOOL},
      .bias = {.data = bias, .dtype = bias != NULL ? REFERENCE_NUMBER : 0},
      .alibi_slopes = call->alibi_slopes,
      .sinks = call->sinks,
      .positions = call->positions,
      .batch = call->batch,
      .query_heads = call->query_heads,
      .kv_heads = call->kv_heads,
      .query_len = call->query_len,
      .kv_len = total,
      .head_dim = head_dim,
      .value_dim = value_dim,
      .options = call->options,
  };
  memcpy(attention.mask.stride, score_stride, sizeof score_stride);
  memcpy(attention.bias.stride, score_stride, sizeof score_stride);
  // Already in the mask, which spares the appended keys.
  attention.options.flags &= RAPT_SCALE;
  reference_rules rules = {.appended = total - call->kv_len};
  reference_attention_under(&attention, &rules, &(reference_attended){heads, to->lse, all_weights});

  // (batch, heads, rows, dim) to (batch, rows, heads x dim).
  const int64_t width = call->query_heads * value_dim;
  reference_number *joined = reference_numbers(rows * value_dim);
  const reference_number *from = heads;
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t h = 0; h < call->query_heads; h++) {
      for (int64_t i = 0; i < call->query_len; i++, from += value_dim) {
        memcpy(joined + (b * call->query_len + i) * width + h * value_dim, from, (size_t)value_dim * sizeof *from);
      }
    }
  }
  if (tensor_present(&p->output.weight)) {
    rapt_linear last = {
        .input = {.data = joined, .stride = {call->query_len * width, width, 1, 0}, .dtype = REFERENCE_NUMBER},
        .batch = call->batch,
        .rows = call->query_len};
    reference_linear(&p->output, &last, to->output);
  } else {
    memcpy(to->output, joined, (size_t)(rows * value_dim) * sizeof *joined);
  }
  if (to->weights != NULL && (call->mha_flags & RAPT_MHA_AVERAGE_WEIGHTS)) {
    average(call, total, all_weights, to->weights);
  } else if (to->weights != NULL) {
    memcpy(to->weights, all_weights, (size_t)(rows * total) * sizeof *all_weights);
  }
  free(q);
  free(k);
  free(v);
  free(mask);
  free(bias);
  free(heads);
  free(joined);
  free(all_weights);
}
