// SPDX-License-Identifier: Apache-2.0
#include "calls.h"

#include <stdio.h>
#include <string.h>

#include "support/check.h"

static void expect_ok(const char *what, rapt_status status, const rapt_error *error) {
  if (status != RAPT_OK) check_abort("%s was refused: %s", what, error->message);
}

// The last `rank` dimensions of an array.
static rapt_tensor tensor(const array *a, int rank) {
  static const int32_t dtypes[] = {RAPT_F32, RAPT_F16, RAPT_BF16, RAPT_I8, RAPT_I64, RAPT_BOOL};
  rapt_tensor t = {0};
  if (a->data == NULL) return t;
  t.data = a->data;
  t.dtype = dtypes[a->type];
  for (int d = 0; d < rank; d++) t.stride[d] = a->stride[4 - rank + d];
  return t;
}

// The first two: (batch, heads).
static rapt_tensor of_heads(const array *a) {
  rapt_tensor t = tensor(a, 4);
  t.stride[2] = t.stride[3] = 0;
  return t;
}

static rapt_sdpa_options options(const scores *s) {
  return (rapt_sdpa_options){
      .position = s->offset,
      .window_left = s->window_left,
      .window_right = s->window_right,
      .scale = s->scale,
      .softcap = s->softcap,
      .flags = (s->causal ? RAPT_CAUSAL : 0) | (s->window ? RAPT_WINDOW : 0) | (s->scaled ? RAPT_SCALE : 0),
      .weights_stage = s->stage < 0 ? 0 : (int32_t)s->stage,
  };
}

void sdpa_call(rapt_context *context, const sdpa_problem *p) {
  rapt_sdpa call = {
      .head = {.struct_size = sizeof call},
      .query = tensor(&p->query, 4),
      .key = tensor(&p->key, 4),
      .value = tensor(&p->value, 4),
      .output = tensor(&p->output, 4),
      .mask = tensor(&p->around.mask, 4),
      .bias = tensor(&p->around.bias, 4),
      .alibi_slopes = of_heads(&p->around.slopes),
      .sinks = of_heads(&p->around.sinks),
      .lse = tensor(&p->around.lse, 3),
      .weights = tensor(&p->around.weights, 4),
      .key_scale = tensor(&p->key_scale, 4),
      .value_scale = tensor(&p->value_scale, 4),
      .key_scale_groups = p->key_groups,
      .value_scale_groups = p->value_groups,
      .batch = p->batch,
      .query_heads = p->heads,
      .kv_heads = p->kv_heads,
      .query_len = p->q_len,
      .kv_len = p->kv_len,
      .head_dim = p->head_dim,
      .value_dim = p->value_dim,
      .options = options(&p->scores),
  };
  rapt_error error = {.struct_size = sizeof error};
  expect_ok("attention", rapt_sdpa_run(context, &call, &error), &error);
}

static rapt_linear_weights *projection(rapt_context *context, const array *weight, const array *bias) {
  rapt_linear_parameters parameters = {.struct_size = sizeof parameters,
                                       .weight = tensor(weight, 2),
                                       .bias = tensor(bias, 1),
                                       .in_features = weight->size[3],
                                       .out_features = weight->size[2]};
  rapt_error error = {.struct_size = sizeof error};
  rapt_linear_weights *linear = NULL;
  if (weight->data != NULL) {
    expect_ok("a projection", rapt_linear_create(context, &parameters, &linear, &error), &error);
  }
  return linear;
}

void mha_call(rapt_context *context, const mha_problem *p) {
  rapt_linear_weights *linear[PROJECTIONS];
  for (int n = 0; n < PROJECTIONS; n++) linear[n] = projection(context, &p->weight[n], &p->weight_bias[n]);
  rapt_mha call = {
      .head = {.struct_size = sizeof call},
      .query_projection = linear[PROJECTION_QUERY],
      .key_projection = linear[PROJECTION_KEY],
      .value_projection = linear[PROJECTION_VALUE],
      .output_projection = linear[PROJECTION_OUTPUT],
      .query = tensor(&p->query, 3),
      .key = tensor(&p->key, 3),
      .value = tensor(&p->value, 3),
      .output = tensor(&p->output, 3),
      .mask = tensor(&p->around.mask, 4),
      .bias = tensor(&p->around.bias, 4),
      .key_padding_mask = tensor(&p->padding_mask, 2),
      .bias_key = tensor(&p->bias_key, 1),
      .bias_value = tensor(&p->bias_value, 1),
      .alibi_slopes = of_heads(&p->around.slopes),
      .sinks = of_heads(&p->around.sinks),
      .lse = tensor(&p->around.lse, 3),
      .weights = tensor(&p->around.weights, 4),
      .batch = p->batch,
      .query_heads = p->heads,
      .kv_heads = p->kv_heads,
      .query_len = p->q_len,
      .kv_len = p->kv_len,
      .options = options(&p->scores),
      .mha_flags = (p->zero_attention ? RAPT_MHA_ADD_ZERO_ATTENTION : 0) | (p->average ? RAPT_MHA_AVERAGE_WEIGHTS : 0),
  };
  rapt_error error = {.struct_size = sizeof error};
  expect_ok("multi-head attention", rapt_mha_run(context, &call, &error), &error);
  for (int n = 0; n < PROJECTIONS; n++) rapt_linear_destroy(linear[n]);
}

void linear_call(rapt_context *context, const linear_problem *p) {
  rapt_linear_weights *linear = projection(context, &p->weight, &p->bias_vector);
  rapt_linear call = {.head = {.struct_size = sizeof call},
                      .weights = linear,
                      .input = tensor(&p->input, 3),
                      .output = tensor(&p->output, 3),
                      .batch = p->batch,
                      .rows = p->rows};
  rapt_error error = {.struct_size = sizeof error};
  expect_ok("a linear projection", rapt_linear_run(context, &call, &error), &error);
  rapt_linear_destroy(linear);
}

void rope_call(rapt_context *context, const rope_problem *p) {
  rapt_rope call = {
      .head = {.struct_size = sizeof call},
      .input = tensor(&p->input, 4),
      .output = tensor(&p->output, 4),
      .cosine = tensor(&p->cosine, p->table ? 2 : 3),
      .sine = tensor(&p->sine, p->table ? 2 : 3),
      .positions = tensor(&p->position, 2),
      .batch = p->batch,
      .heads = p->heads,
      .length = p->length,
      .head_dim = p->head_dim,
      .rotary_dim = p->rotary_dim,
      .table_length = p->table,
      .flags = p->interleaved ? RAPT_ROPE_INTERLEAVED : 0,
  };
  rapt_error error = {.struct_size = sizeof error};
  expect_ok("rotary embedding", rapt_rope_run(context, &call, &error), &error);
}

void gelu_call(rapt_context *context, const gelu_problem *p) {
  rapt_gelu call = {
      .head = {.struct_size = sizeof call},
      .input = tensor(&p->input, 3),
      .output = tensor(&p->output, 3),
      .batch = p->batch,
      .rows = p->rows,
      .features = p->features,
  };
  rapt_error error = {.struct_size = sizeof error};
  expect_ok("GELU", rapt_gelu_run(context, &call, &error), &error);
}

void norm_call(rapt_context *context, const norm_problem *p) {
  rapt_norm call = {
      .head = {.struct_size = sizeof call},
      .input = tensor(&p->input, 3),
      .residual = tensor(&p->added, 3),
      .weight = tensor(&p->weights, 1),
      .bias = tensor(&p->biases, 1),
      .output = tensor(&p->output, 3),
      .batch = p->batch,
      .rows = p->rows,
      .features = p->features,
      .epsilon = p->epsilon,
  };
  rapt_error error = {.struct_size = sizeof error};
  expect_ok("layer normalisation", rapt_norm_run(context, &call, &error), &error);
}

void call_cpu_name(char *name, size_t size) {
  rapt_capabilities capabilities = {.struct_size = sizeof capabilities};
  rapt_error error = {.struct_size = sizeof error};
  expect_ok("a look at the CPU", rapt_get_capabilities(&capabilities, &error), &error);
  snprintf(name, size, "%s", capabilities.cpu_name);
}
