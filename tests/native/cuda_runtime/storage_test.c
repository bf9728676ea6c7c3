// SPDX-License-Identifier: Apache-2.0
// 16-bit tensors through the ABI on a CUDA device. Attention agrees with the double reference; multi-head attention is,
// bit by bit, the projections and the attention called one after the other on tensors of the same type.
#include "support/storage.h"

#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/random.h"
#include "support/reference.h"

// Multiples of 1/64 up to 1: exact in both types.
static uint16_t encode(int32_t dtype, float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if (dtype == RAPT_BF16 || x == 0) return (uint16_t)(bits >> 16);
  uint32_t exponent = (bits >> 23 & 0xff) - 127 + 15;
  return (uint16_t)((bits >> 16 & 0x8000) | exponent << 10 | (bits >> 13 & 0x3ff));
}

static uint16_t *fill(int32_t dtype, int64_t count, uint64_t seed) {
  uint16_t *numbers = malloc((size_t)count * sizeof *numbers);
  if (numbers == NULL) check_abort("the test cannot allocate its numbers");
  random_state random = {seed};
  for (int64_t i = 0; i < count; i++) numbers[i] = encode(dtype, (float)random_between(&random, -64, 64) / 64);
  return numbers;
}

static rapt_tensor heads_of(void *data, int32_t dtype, int64_t heads, int64_t rows, int64_t depth) {
  return (rapt_tensor){.data = data, .stride = {heads * rows * depth, depth, heads * depth, 1}, .dtype = dtype};
}

typedef struct shape {
  int64_t batch, heads, kv_heads, query_len, kv_len, depth;
} shape;

static rapt_sdpa describe(const shape *s, int32_t dtype, void *q, void *k, void *v, void *out) {
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = heads_of(q, dtype, s->heads, s->query_len, s->depth),
                    .key = heads_of(k, dtype, s->kv_heads, s->kv_len, s->depth),
                    .value = heads_of(v, dtype, s->kv_heads, s->kv_len, s->depth),
                    .output = heads_of(out, dtype, s->heads, s->query_len, s->depth),
                    .batch = s->batch,
                    .query_heads = s->heads,
                    .kv_heads = s->kv_heads,
                    .query_len = s->query_len,
                    .kv_len = s->kv_len,
                    .head_dim = s->depth,
                    .value_dim = s->depth};
  call.options.flags = RAPT_CAUSAL;
  call.options.position = s->kv_len - s->query_len;
  return call;
}

static reference_number *widen(int32_t dtype, const uint16_t *numbers, int64_t count) {
  reference_number *wide = reference_numbers(count);
  for (int64_t i = 0; i < count; i++) wide[i].value = (double)storage_value(dtype, numbers[i]);
  return wide;
}

// What a kernel rounds the weights to: only those of tensor cores do.
static double operand_of(rapt_context *cuda, const rapt_sdpa *call, int32_t dtype) {
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_sdpa_plan(cuda, call, &plan, &error) == RAPT_OK && plan.supported == 1, "plan: %s", error.message);
  if (strstr(plan.name, "_mma") == NULL) return 0;
  return dtype == RAPT_F16 ? 0x1p-11 : 0x1p-8;
}

static void check_attention(rapt_context *cuda, int32_t dtype, const shape *s) {
  rapt_error error = {.struct_size = sizeof error};
  int64_t rows = s->batch * s->heads * s->query_len, count = rows * s->depth;
  int64_t keys = s->batch * s->kv_heads * s->kv_len * s->depth;
  uint16_t *q = fill(dtype, count, 1), *k = fill(dtype, keys, 2), *v = fill(dtype, keys, 3);
  uint16_t *got = fill(dtype, count, 4);
  void *device[] = {cuda_upload(cuda, q, (size_t)count * 2), cuda_upload(cuda, k, (size_t)keys * 2),
                    cuda_upload(cuda, v, (size_t)keys * 2), cuda_allocate(cuda, (size_t)count * 2)};
  rapt_sdpa call = describe(s, dtype, device[0], device[1], device[2], device[3]);
  reference_rules rules = {.operand = operand_of(cuda, &call, dtype)};
  CHECK(rapt_sdpa_run(cuda, &call, &error) == RAPT_OK, "cuda: %s", error.message);
  cuda_download(cuda, got, device[3], (size_t)count * 2);
  reference_number *wide[] = {widen(dtype, q, count), widen(dtype, k, keys), widen(dtype, v, keys)};
  reference_attended expected = {reference_numbers(count), reference_numbers(rows), NULL};
  call = describe(s, REFERENCE_NUMBER, wide[0], wide[1], wide[2], NULL);
  reference_attention_under(&call, &rules, &expected);
  const int64_t size[4] = {s->batch, s->heads, s->query_len, s->depth};
  rapt_tensor output = heads_of(got, dtype, s->heads, s->query_len, s->depth);
  compare_result("device", "output", &output, size, expected.output);
  for (int i = 0; i < 4; i++) cuda_release(cuda, device[i]);
  for (int i = 0; i < 3; i++) free(wide[i]);
  free(expected.output), free(expected.lse);
  free(q), free(k), free(v), free(got);
}

static rapt_linear_weights *square(rapt_context *context, int32_t dtype, int64_t width, uint64_t seed) {
  uint16_t *weight = fill(dtype, width * width, seed), *bias = fill(dtype, width, seed + 100);
  rapt_linear_parameters weights = {.struct_size = sizeof weights,
                                    .weight = {.data = weight, .stride = {width, 1}, .dtype = dtype},
                                    .bias = {.data = bias, .stride = {1}, .dtype = dtype},
                                    .in_features = width,
                                    .out_features = width};
  rapt_linear_weights *linear = NULL;
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_linear_create(context, &weights, &linear, &error) == RAPT_OK, "create: %s", error.message);
  free(bias);
  free(weight);
  return linear;
}

static rapt_tensor rows_of(void *data, int32_t dtype, int64_t rows, int64_t width) {
  return (rapt_tensor){.data = data, .stride = {rows * width, width, 1}, .dtype = dtype};
}

// Rows of one type to rows of another.
static void project(rapt_context *context, const rapt_linear_weights *linear, const shape *s, int64_t rows, void *from,
                    int32_t from_type, void *to, int32_t to_type) {
  int64_t width = s->heads * s->depth;
  rapt_linear call = {.head = {.struct_size = sizeof call},
                      .weights = linear,
                      .input = rows_of(from, from_type, rows, width),
                      .output = rows_of(to, to_type, rows, width),
                      .batch = s->batch,
                      .rows = rows};
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_linear_run(context, &call, &error) == RAPT_OK, "linear: %s", error.message);
}

// Device memory for a layer; room for floats everywhere.
typedef struct layer {
  rapt_linear_weights *linears[4];
  void *input, *q, *k, *v, *attended, *out;
  size_t out_bytes;
} layer;

static layer open_layer(rapt_context *cuda, int32_t dtype, int32_t out_type, const shape *s) {
  int64_t width = s->heads * s->depth, count = s->batch * s->kv_len * width;
  size_t rows = (size_t)(s->batch * s->query_len * width) * 4, keys = (size_t)count * 4;
  uint16_t *numbers = fill(dtype, count, 20);
  layer l = {.input = cuda_upload(cuda, numbers, (size_t)count * 2),
             .q = cuda_allocate(cuda, rows),
             .k = cuda_allocate(cuda, keys),
             .v = cuda_allocate(cuda, keys),
             .attended = cuda_allocate(cuda, rows),
             .out = cuda_allocate(cuda, rows),
             .out_bytes = out_type == RAPT_F32 ? rows : rows / 2};
  free(numbers);
  for (int i = 0; i < 4; i++) l.linears[i] = square(cuda, dtype, width, 10 + (uint64_t)i);
  return l;
}

static void close_layer(rapt_context *cuda, layer *l) {
  void *memory[] = {l->input, l->q, l->k, l->v, l->attended, l->out};
  for (int i = 0; i < 6; i++) cuda_release(cuda, memory[i]);
  for (int i = 0; i < 4; i++) rapt_linear_destroy(l->linears[i]);
}

// What lies between the steps is of the type of input, weights and output where that is one, else f32.
static void check_mha(rapt_context *cuda, int32_t dtype, int32_t out_type, const shape *s) {
  rapt_error error = {.struct_size = sizeof error};
  int64_t width = s->heads * s->depth;
  int32_t between = out_type == dtype ? dtype : RAPT_F32;
  layer l = open_layer(cuda, dtype, out_type, s);
  project(cuda, l.linears[0], s, s->query_len, l.input, dtype, l.q, between);
  project(cuda, l.linears[1], s, s->kv_len, l.input, dtype, l.k, between);
  project(cuda, l.linears[2], s, s->kv_len, l.input, dtype, l.v, between);
  rapt_sdpa attention = describe(s, between, l.q, l.k, l.v, l.attended);
  CHECK(rapt_sdpa_run(cuda, &attention, &error) == RAPT_OK, "attention: %s", error.message);
  project(cuda, l.linears[3], s, s->query_len, l.attended, between, l.out, out_type);
  unsigned char *expected = malloc(l.out_bytes), *got = malloc(l.out_bytes);
  if (expected == NULL || got == NULL) check_abort("the test cannot allocate its results");
  cuda_download(cuda, expected, l.out, l.out_bytes);
  memset(got, 0xff, l.out_bytes);
  rapt_mha mha = {.head = {.struct_size = sizeof mha},
                  .query_projection = l.linears[0],
                  .key_projection = l.linears[1],
                  .value_projection = l.linears[2],
                  .output_projection = l.linears[3],
                  .query = rows_of(l.input, dtype, s->query_len, width),
                  .key = rows_of(l.input, dtype, s->kv_len, width),
                  .value = rows_of(l.input, dtype, s->kv_len, width),
                  .output = rows_of(l.q, out_type, s->query_len, width),
                  .batch = s->batch,
                  .query_heads = s->heads,
                  .kv_heads = s->kv_heads,
                  .query_len = s->query_len,
                  .kv_len = s->kv_len,
                  .options = attention.options};
  CHECK(rapt_mha_run(cuda, &mha, &error) == RAPT_OK, "mha: %s", error.message);
  cuda_download(cuda, got, l.q, l.out_bytes);
  CHECK(!memcmp(expected, got, l.out_bytes), "multi-head attention has other bits than its parts");
  free(expected), free(got);
  close_layer(cuda, &l);
}

int main(void) {
  check_start();
  static const shape attentions[] = {
      {1, 2, 1, 17, 40, 64}, {2, 2, 2, 3, 70, 128}, {1, 4, 1, 1, 600, 64}, {1, 2, 1, 20, 33, 24}};
  static const shape layers[] = {{2, 2, 2, 9, 21, 32}, {1, 3, 3, 1, 40, 16}, {1, 2, 2, 5, 9, 11}};
  static const int32_t types[] = {RAPT_F16, RAPT_BF16};
  rapt_context *cuda = cuda_context(0);
  for (int t = 0; t < 2; t++) {
    for (size_t i = 0; i < sizeof attentions / sizeof attentions[0]; i++) {
      check_set_case("cuda storage: attention %zu, dtype %d", i, types[t]);
      check_attention(cuda, types[t], &attentions[i]);
    }
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
      check_set_case("cuda storage: mha %zu, dtype %d", i, types[t]);
      check_mha(cuda, types[t], types[t], &layers[i]);
      check_mha(cuda, types[t], RAPT_F32, &layers[i]);
    }
  }
  check_set_case("%s", "");
  rapt_context_destroy(cuda);
  return check_finish("cuda_abi_storage_test");
}
