// SPDX-License-Identifier: Apache-2.0
// Memory and contents of a multi-head attention case.
#include <math.h>

#include "mha/mha_case.h"
#include "support/random.h"

static void fill(test_tensor *t, random_state *r, float scale) {
  for (int64_t i = 0; i < t->size[0]; i++) {
    for (int64_t j = 0; j < t->size[1]; j++) {
      for (int64_t k = 0; k < t->size[2]; k++) {
        for (int64_t l = 0; l < t->size[3]; l++) *tensor_f32(&t->tensor, i, j, k, l) = scale * random_unit(r);
      }
    }
  }
}

static void place_rows(const mha_case *c, test_tensor *t, int64_t rows, int64_t width) {
  int64_t size[3] = {c->batch, rows, width};
  int64_t stride[3] = {rows * width, width, 1};
  if (c->layout == 1) {
    stride[0] = width;
    stride[1] = c->batch * width;
  } else if (c->layout == 2) {
    stride[1] = width + 5;
    stride[0] = rows * (width + 5) + 1;
  }
  test_tensor_place(t, RAPT_F32, 3, size, stride, (int)c->guard);
}

static void place_vector(const mha_case *c, test_tensor *t, int present, int64_t width, random_state *r) {
  if (!present) {
    test_tensor_clear(t);
    return;
  }
  int64_t one[1] = {1};
  test_tensor_place(t, RAPT_F32, 1, &width, one, (int)c->guard);
  fill(t, r, 0.5f);
}

static void place_scores(const mha_case *c, test_tensor *t, int32_t dtype, int64_t dims, int64_t keys) {
  if (dims < 0) {
    test_tensor_clear(t);
    return;
  }
  const int64_t full[4] = {c->batch, c->heads, c->q_len, keys};
  int64_t stride[4], next = 1;
  for (int d = 3; d >= 0; d--) {
    stride[d] = (dims >> d) & 1 ? next : 0;
    next *= (dims >> d) & 1 ? full[d] : 1;
  }
  test_tensor_place(t, dtype, 4, full, stride, (int)c->guard);
}

static void place_heads(const mha_case *c, test_tensor *t, int present, random_state *r) {
  if (!present) {
    test_tensor_clear(t);
    return;
  }
  int64_t size[2] = {c->batch, c->heads}, stride[2] = {c->heads, 1};
  test_tensor_place(t, RAPT_F32, 2, size, stride, (int)c->guard);
  fill(t, r, 0.4f);
}

static void place_weights(const mha_case *c, test_tensor *t, int64_t total) {
  if (c->weights < 0) {
    test_tensor_clear(t);
    return;
  }
  const int64_t heads = c->average ? 1 : c->heads;
  int64_t size[4] = {c->batch, heads, c->q_len, total};
  int64_t key = c->weights_layout == 1 ? 3 : c->weights_layout == 2 ? -1 : 1;
  int64_t stride[4] = {heads * c->q_len * total * key, c->q_len * total * key, total * key, key};
  // (B, Sq, total) in a four-dimensional tensor whose second stride is unused.
  if (c->average) stride[1] = INT64_C(1) << 40;
  test_tensor_place(t, (int32_t)c->weights_type, 4, size, stride, (int)c->guard);
}

static rapt_linear_parameters place_projection(const mha_case *c, mha_tensors *t, int n, int64_t in, int64_t out,
                                               random_state *r) {
  int64_t size[2] = {out, in}, stride[2] = {in, 1};
  test_tensor_place(&t->weight[n], RAPT_F32, 2, size, stride, (int)c->guard);
  fill(&t->weight[n], r, 1.5f / sqrtf((float)in));
  place_vector(c, &t->weight_bias[n], c->linear_bias != 0, out, r);
  return (rapt_linear_parameters){.struct_size = sizeof(rapt_linear_parameters),
                                  .weight = t->weight[n].tensor,
                                  .bias = t->weight_bias[n].tensor,
                                  .in_features = in,
                                  .out_features = out};
}

static void fill_booleans(const mha_case *c, mha_tensors *t, random_state *r) {
  if (tensor_present(&t->mask.tensor)) {
    for (int64_t b = 0; b < c->batch; b++) {
      for (int64_t h = 0; h < c->heads; h++) {
        for (int64_t i = 0; i < c->q_len; i++) {
          for (int64_t j = 0; j < c->kv_len; j++) {
            *tensor_bool(&t->mask.tensor, b, h, i, j) = i % 5 != 4 && random_percent(r, 70) ? 255 : 0;
          }
        }
      }
    }
  }
  test_tensor_clear(&t->padding);
  if (c->padding) {
    int64_t size[2] = {c->batch, c->kv_len}, stride[2] = {c->kv_len, 1};
    test_tensor_place(&t->padding, RAPT_BOOL, 2, size, stride, (int)c->guard);
    for (int64_t b = 0; b < c->batch; b++) {
      for (int64_t j = 0; j < c->kv_len; j++) {
        // The last batch is all padding where the case says so.
        int all = c->padding == 2 && b == c->batch - 1;
        *tensor_bool(&t->padding.tensor, b, j, 0, 0) = all || j >= c->kv_len - 1 - b % 3 ? 2 : 0;
      }
    }
  }
}

static int64_t position_of(const mha_case *c) { return c->causal == 2 ? c->kv_len - c->q_len : 0; }

static void place_positions(const mha_case *c, test_tensor *t) {
  if (!c->positions) {
    test_tensor_clear(t);
    return;
  }
  const int64_t one[1] = {1};
  test_tensor_place(t, c->positions == 1 ? RAPT_I32 : RAPT_I64, 1, &c->batch, one, (int)c->guard);
  for (int64_t b = 0; b < c->batch; b++) {
    int64_t value = position_of(c) + (b % 2 ? -3 : 4) * b;
    if (c->positions == 1) {
      ((int32_t *)t->tensor.data)[b] = (int32_t)value;
    } else {
      ((int64_t *)t->tensor.data)[b] = value;
    }
  }
}

void mha_case_build(const mha_case *c, mha_tensors *t, reference_projections *p, rapt_mha *call) {
  random_state r = {(uint64_t)c->seed};
  const int64_t joined = c->heads * c->value_dim;
  place_rows(c, &t->query, c->q_len, c->query_width);
  place_rows(c, &t->key, c->kv_len, c->key_width);
  place_rows(c, &t->value, c->kv_len, c->value_width);
  place_rows(c, &t->output, c->q_len, c->output_width ? c->output_width : joined);
  fill(&t->query, &r, 1);
  fill(&t->key, &r, 1);
  fill(&t->value, &r, 1);
  p->query = place_projection(c, t, 0, c->query_width, c->heads * c->head_dim, &r);
  p->key = place_projection(c, t, 1, c->key_width, c->kv_heads * c->head_dim, &r);
  p->value = place_projection(c, t, 2, c->value_width, c->kv_heads * c->value_dim, &r);
  p->output = (rapt_linear_parameters){0};
  if (c->output_width) p->output = place_projection(c, t, 3, joined, c->output_width, &r);
  place_vector(c, &t->bias_key, c->bias_kv != 0, c->kv_heads * c->head_dim, &r);
  place_vector(c, &t->bias_value, c->bias_kv != 0, c->kv_heads * c->value_dim, &r);
  place_scores(c, &t->mask, RAPT_BOOL, c->mask, c->kv_len);
  place_scores(c, &t->bias, RAPT_F32, c->bias, c->kv_len);
  if (tensor_present(&t->bias.tensor)) fill(&t->bias, &r, 1);
  fill_booleans(c, t, &r);
  place_heads(c, &t->slopes, c->alibi != 0, &r);
  place_heads(c, &t->sinks, c->sinks != 0, &r);
  place_positions(c, &t->positions);
  test_tensor_clear(&t->lse);
  if (c->lse) {
    int64_t size[3] = {c->batch, c->heads, c->q_len}, stride[3] = {c->heads * c->q_len, c->q_len, 1};
    test_tensor_place(&t->lse, RAPT_F32, 3, size, stride, (int)c->guard);
  }
  *call = (rapt_mha){
      .head = {.struct_size = sizeof *call},
      .query = t->query.tensor,
      .key = t->key.tensor,
      .value = t->value.tensor,
      .output = t->output.tensor,
      .mask = t->mask.tensor,
      .bias = t->bias.tensor,
      .key_padding_mask = t->padding.tensor,
      .bias_key = t->bias_key.tensor,
      .bias_value = t->bias_value.tensor,
      .alibi_slopes = t->slopes.tensor,
      .sinks = t->sinks.tensor,
      .lse = t->lse.tensor,
      .positions = t->positions.tensor,
      .batch = c->batch,
      .query_heads = c->heads,
      .kv_heads = c->kv_heads,
      .query_len = c->q_len,
      .kv_len = c->kv_len,
      .options = {.position = c->positions ? 0 : position_of(c),
                  .window_left = c->window ? 3 : 0,
                  .window_right = c->window ? 1 : 0,
                  .softcap = c->softcap ? 1.25f : 0,
                  .flags = (c->causal ? RAPT_CAUSAL : 0) | (c->window ? RAPT_WINDOW : 0),
                  .weights_stage = c->weights < 0 ? 0 : (int32_t)c->weights},
      .mha_flags = (c->zero_attention ? RAPT_MHA_ADD_ZERO_ATTENTION : 0) | (c->average ? RAPT_MHA_AVERAGE_WEIGHTS : 0),
  };
  place_weights(c, &t->weights, reference_mha_total(call));
  call->weights = t->weights.tensor;
}
