// SPDX-License-Identifier: Apache-2.0
#include "reference_mha.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
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
static double *project(const rapt_mha *call, const rapt_linear_parameters *w, const rapt_tensor *input, int64_t rows,
                       int64_t total, const rapt_tensor *extra, int mode) {
  const int64_t width = w->out_features;
  double *all = take(call->batch * total * width, sizeof(double));
  for (int64_t b = 0; b < call->batch; b++) {
    rapt_linear one = {.input = *input, .batch = 1, .rows = rows};
    one.input.data = (float *)input->data + b * input->stride[0];
    double *place = all + b * total * width;
    reference_linear(w, &one, mode, place);
    for (int64_t o = 0; o < width && extra != NULL && tensor_present(extra); o++) {
      place[rows * width + o] = (double)((const float *)extra->data)[o * extra->stride[0]];
    }
  }
  return all;
}

// A (batch, heads, rows, dim) view of projected rows.
static rapt_tensor heads_of(double *rows, int64_t count, int64_t heads, int64_t dim) {
  return (rapt_tensor){.data = rows, .stride = {count * heads * dim, dim, heads * dim, 1}, .dtype = REFERENCE_F64};
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
static double *extended_bias(const rapt_mha *call, int64_t total) {
  double *bias = take(call->batch * call->query_heads * call->query_len * total, sizeof *bias);
  double *at = bias;
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t h = 0; h < call->query_heads; h++) {
      for (int64_t i = 0; i < call->query_len; i++, at += total) {
        for (int64_t j = 0; j < call->kv_len; j++) at[j] = (double)*tensor_f32(&call->bias, b, h, i, j);
      }
    }
  }
  return bias;
}

static void average(const rapt_mha *call, int64_t total, const double *all, double *mean) {
  const int64_t rows = call->query_len * total;
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t n = 0; n < rows; n++) {
      double sum = 0;
      for (int64_t h = 0; h < call->query_heads; h++) sum += all[(b * call->query_heads + h) * rows + n];
      mean[b * rows + n] = sum / (double)call->query_heads;
    }
  }
}

void reference_mha(const rapt_mha *call, const reference_projections *p, int mode, double *output, double *lse,
                   double *weights) {
  const int64_t total = reference_mha_total(call);
  const int64_t head_dim = p->query.out_features / call->query_heads;
  const int64_t value_dim = p->value.out_features / call->kv_heads;
  const int64_t rows = call->batch * call->query_heads * call->query_len;
  const int64_t score_stride[4] = {call->query_heads * call->query_len * total, call->query_len * total, total, 1};
  double *q = project(call, &p->query, &call->query, call->query_len, call->query_len, NULL, mode);
  double *k = project(call, &p->key, &call->key, call->kv_len, total, &call->bias_key, mode);
  double *v = project(call, &p->value, &call->value, call->kv_len, total, &call->bias_value, mode);
  unsigned char *mask = combined_mask(call, total);
  double *bias = tensor_present(&call->bias) ? extended_bias(call, total) : NULL;
  double *heads = take(rows * value_dim, sizeof(double));
  double *all_weights = weights != NULL ? take(rows * total, sizeof(double)) : NULL;
  rapt_sdpa attention = {
      .query = heads_of(q, call->query_len, call->query_heads, head_dim),
      .key = heads_of(k, total, call->kv_heads, head_dim),
      .value = heads_of(v, total, call->kv_heads, value_dim),
      .mask = {.data = mask, .dtype = RAPT_BOOL},
      .bias = {.data = bias, .dtype = bias != NULL ? REFERENCE_F64 : 0},
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
  reference_attention_appended(&attention, total - call->kv_len, mode, heads, lse, all_weights);

  // (batch, heads, rows, dim) to (batch, rows, heads x dim).
  const int64_t width = call->query_heads * value_dim;
  double *joined = take(rows * value_dim, sizeof(double));
  const double *from = heads;
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t h = 0; h < call->query_heads; h++) {
      for (int64_t i = 0; i < call->query_len; i++, from += value_dim) {
        memcpy(joined + (b * call->query_len + i) * width + h * value_dim, from, (size_t)value_dim * sizeof *from);
      }
    }
  }
  if (tensor_present(&p->output.weight)) {
    rapt_linear last = {
        .input = {.data = joined, .stride = {call->query_len * width, width, 1, 0}, .dtype = REFERENCE_F64},
        .batch = call->batch,
        .rows = call->query_len};
    reference_linear(&p->output, &last, mode, output);
  } else {
    memcpy(output, joined, (size_t)(rows * value_dim) * sizeof *output);
  }
  if (weights != NULL && (call->mha_flags & RAPT_MHA_AVERAGE_WEIGHTS)) {
    average(call, total, all_weights, weights);
  } else if (weights != NULL) {
    memcpy(weights, all_weights, (size_t)(rows * total) * sizeof *weights);
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
