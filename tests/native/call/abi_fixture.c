// SPDX-License-Identifier: Apache-2.0
#include "call/abi_fixture.h"

#include <string.h>

#include "support/check.h"
#include "support/contexts.h"

rapt_tensor fixture_tensor(void *data, int32_t dtype, int64_t a, int64_t b, int64_t c, int64_t d) {
  (void)a;
  return (rapt_tensor){.data = data, .stride = {b * c * d, c * d, d, 1}, .dtype = dtype};
}

static void fill(float *data, size_t count) {
  for (size_t i = 0; i < count; i++) data[i] = (float)((int)(i * 7 % 11) - 5) * 0.125f;
}
#define FILL(array) fill(array, sizeof(array) / sizeof(array)[0])

// (a, b, c) and (a, b): the last used dimension must have stride 1.
static rapt_tensor tensor3(void *data, int32_t dtype, int64_t b, int64_t c) {
  return (rapt_tensor){.data = data, .stride = {b * c, c, 1, 0}, .dtype = dtype};
}

static rapt_tensor tensor2(void *data, int32_t dtype, int64_t b) {
  return (rapt_tensor){.data = data, .stride = {b, 1, 0, 0}, .dtype = dtype};
}

static rapt_tensor tensor1(void *data, int32_t dtype) {
  return (rapt_tensor){.data = data, .stride = {1}, .dtype = dtype};
}

static rapt_sdpa valid_attention(fixture *f) {
  const int64_t b = FIXTURE_BATCH, h = FIXTURE_HEADS, q = FIXTURE_Q_LEN, k = FIXTURE_KV_LEN, d = FIXTURE_DIM;
  return (rapt_sdpa){
      .head = {.struct_size = sizeof(rapt_sdpa)},
      .query = fixture_tensor(f->query, RAPT_F32, b, h, q, d),
      .key = fixture_tensor(f->key, RAPT_F32, b, FIXTURE_KV_HEADS, k, d),
      .value = fixture_tensor(f->value, RAPT_F32, b, FIXTURE_KV_HEADS, k, d),
      .output = fixture_tensor(f->output, RAPT_F32, b, h, q, d),
      .mask = fixture_tensor(f->mask, RAPT_BOOL, b, h, q, k),
      .bias = fixture_tensor(f->bias, RAPT_F32, b, h, q, k),
      .alibi_slopes = tensor2(f->slopes, RAPT_F32, h),
      .sinks = tensor2(f->sinks, RAPT_F32, h),
      .lse = tensor3(f->lse, RAPT_F32, h, q),
      .weights = fixture_tensor(f->weights, RAPT_F32, b, h, q, k),
      .positions = tensor1(f->positions, RAPT_I64),
      .batch = b,
      .query_heads = h,
      .kv_heads = FIXTURE_KV_HEADS,
      .query_len = q,
      .kv_len = k,
      .head_dim = d,
      .value_dim = d,
      .options = {.scale = 0.5f,
                  .window_left = 100,
                  .window_right = 100,
                  .flags = RAPT_SCALE | RAPT_WINDOW,
                  .weights_stage = RAPT_WEIGHTS_SOFTMAX},
  };
}

static rapt_append valid_append(fixture *f) {
  const int64_t b = FIXTURE_BATCH, g = FIXTURE_KV_HEADS, s = FIXTURE_Q_LEN, d = FIXTURE_DIM;
  return (rapt_append){
      .head = {.struct_size = sizeof(rapt_append)},
      .key = fixture_tensor(f->key, RAPT_F32, b, g, s, d),
      .value = fixture_tensor(f->value, RAPT_F32, b, g, s, d),
      .slots = tensor2(f->slots, RAPT_I64, s),
      .key_cache = fixture_tensor(f->key_cache, RAPT_F32, b + 1, g, s, d),
      .value_cache = fixture_tensor(f->value_cache, RAPT_F32, b + 1, g, s, d),
      .query = fixture_tensor(f->rope_in, RAPT_F32, b, FIXTURE_HEADS, s, d),
      .cosine = tensor2(f->cosine, RAPT_F32, d / 2),
      .sine = tensor2(f->sine, RAPT_F32, d / 2),
      .positions = tensor2(f->positions, RAPT_I64, s),
      .batch = b,
      .kv_heads = g,
      .length = s,
      .head_dim = d,
      .value_dim = d,
      .pages = b + 1,
      .page_size = s,
      .query_heads = FIXTURE_HEADS,
      .table_length = FIXTURE_TABLE,
  };
}

void fixture_reset(fixture *f) {
  const int64_t e = FIXTURE_EMBED;
  f->attention = valid_attention(f);
  f->linear_weights = (rapt_linear_parameters){
      .struct_size = sizeof f->linear_weights,
      .weight = tensor2(f->weight, RAPT_F32, e),
      .bias = tensor1(f->weight_bias, RAPT_F32),
      .in_features = e,
      .out_features = e,
  };
  f->linear = (rapt_linear){
      .head = {.struct_size = sizeof f->linear},
      .weights = f->square,
      .input = tensor3(f->query, RAPT_F32, FIXTURE_Q_LEN, e),
      .output = tensor3(f->output, RAPT_F32, FIXTURE_Q_LEN, e),
      .batch = FIXTURE_BATCH,
      .rows = FIXTURE_Q_LEN,
  };
  f->mha = (rapt_mha){
      .head = {.struct_size = sizeof f->mha},
      .query_projection = f->square,
      .key_projection = f->narrow,
      .value_projection = f->narrow,
      .output_projection = f->square,
      .query = tensor3(f->query, RAPT_F32, FIXTURE_Q_LEN, e),
      .key = tensor3(f->key, RAPT_F32, FIXTURE_KV_LEN, e),
      .value = tensor3(f->value, RAPT_F32, FIXTURE_KV_LEN, e),
      .output = tensor3(f->output, RAPT_F32, FIXTURE_Q_LEN, e),
      .mask = f->attention.mask,
      .bias = f->attention.bias,
      .key_padding_mask = tensor2(f->padding, RAPT_BOOL, FIXTURE_KV_LEN),
      .bias_key = tensor1(f->bias_key, RAPT_F32),
      .bias_value = tensor1(f->bias_value, RAPT_F32),
      .alibi_slopes = f->attention.alibi_slopes,
      .sinks = f->attention.sinks,
      .lse = f->attention.lse,
      .weights =
          fixture_tensor(f->mha_weights, RAPT_F32, FIXTURE_BATCH, FIXTURE_HEADS, FIXTURE_Q_LEN, FIXTURE_KV_LEN + 1),
      .positions = f->attention.positions,
      .batch = FIXTURE_BATCH,
      .query_heads = FIXTURE_HEADS,
      .kv_heads = FIXTURE_KV_HEADS,
      .query_len = FIXTURE_Q_LEN,
      .kv_len = FIXTURE_KV_LEN,
      .options = f->attention.options,
  };
  f->rope = (rapt_rope){
      .head = {.struct_size = sizeof f->rope},
      .input = fixture_tensor(f->rope_in, RAPT_F32, FIXTURE_BATCH, FIXTURE_HEADS, FIXTURE_Q_LEN, FIXTURE_DIM),
      .output = fixture_tensor(f->rope_out, RAPT_F32, FIXTURE_BATCH, FIXTURE_HEADS, FIXTURE_Q_LEN, FIXTURE_DIM),
      .cosine = tensor2(f->cosine, RAPT_F32, FIXTURE_DIM / 2),
      .sine = tensor2(f->sine, RAPT_F32, FIXTURE_DIM / 2),
      .positions = tensor2(f->positions, RAPT_I64, FIXTURE_Q_LEN),
      .batch = FIXTURE_BATCH,
      .heads = FIXTURE_HEADS,
      .length = FIXTURE_Q_LEN,
      .head_dim = FIXTURE_DIM,
      .table_length = FIXTURE_TABLE,
  };
  f->append = valid_append(f);
}

const void *fixture_call(const fixture *f, int32_t operation) {
  switch (operation) {
    case RAPT_SDPA:
      return &f->attention;
    case RAPT_ROPE:
      return &f->rope;
    case RAPT_LINEAR:
      return &f->linear;
    case RAPT_MHA:
      return &f->mha;
    case RAPT_APPEND:
      return &f->append;
    default:
      return NULL;
  }
}

void fixture_open(fixture *f) {
  memset(f, 0, sizeof *f);
  FILL(f->query);
  FILL(f->key);
  FILL(f->value);
  FILL(f->bias);
  FILL(f->slopes);
  FILL(f->sinks);
  FILL(f->weight);
  FILL(f->weight_bias);
  FILL(f->bias_key);
  FILL(f->bias_value);
  FILL(f->rope_in);
  FILL(f->cosine);
  FILL(f->sine);
  memset(f->mask, 1, sizeof f->mask);
  for (int64_t i = 0; i < FIXTURE_ROWS; i++) f->slots[i] = i;
  f->context = context_of(RAPT_ISA_AUTO, 2);
  fixture_reset(f);
  rapt_error error = {.struct_size = sizeof error};
  rapt_linear_parameters narrow = f->linear_weights;
  rapt_linear_parameters odd = f->linear_weights;
  narrow.out_features = FIXTURE_KV_WIDTH;
  odd.in_features = FIXTURE_KV_WIDTH;
  if (rapt_linear_create(f->context, &f->linear_weights, &f->square, &error) != RAPT_OK ||
      rapt_linear_create(f->context, &narrow, &f->narrow, &error) != RAPT_OK ||
      rapt_linear_create(f->context, &odd, &f->odd, &error) != RAPT_OK) {
    check_abort("the valid projections of the test are refused: %s", error.message);
  }
  fixture_reset(f);
}

void fixture_close(fixture *f) {
  rapt_linear_destroy(f->square);
  rapt_linear_destroy(f->narrow);
  rapt_linear_destroy(f->odd);
  rapt_context_destroy(f->context);
}
