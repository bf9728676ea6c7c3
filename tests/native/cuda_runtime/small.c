// SPDX-License-Identifier: Apache-2.0
#include "small.h"

#include <stdlib.h>

#include "device.h"
#include "support/check.h"
#include "support/random.h"

static float *fill(int64_t count) {
  float *numbers = malloc((size_t)count * sizeof(float));
  if (numbers == NULL) check_abort("the test cannot allocate its numbers");
  random_state random = {7};
  for (int64_t i = 0; i < count; i++) numbers[i] = random_unit(&random);
  return numbers;
}

static rapt_linear_weights *square_linear(rapt_context *context, float *weight) {
  rapt_linear_parameters weights = {.struct_size = sizeof weights,
                                    .weight = {.data = weight, .stride = {SMALL_WIDTH, 1}, .dtype = RAPT_F32},
                                    .in_features = SMALL_WIDTH,
                                    .out_features = SMALL_WIDTH};
  rapt_error error = {.struct_size = sizeof error};
  rapt_linear_weights *linear = NULL;
  if (rapt_linear_create(context, &weights, &linear, &error) != RAPT_OK) check_abort("no linear: %s", error.message);
  return linear;
}

// (1, SMALL_HEADS, rows, SMALL_DIM) of (rows, SMALL_WIDTH).
static rapt_tensor heads_of(float *data) {
  return (rapt_tensor){.data = data, .stride = {0, SMALL_DIM, SMALL_WIDTH, 1}, .dtype = RAPT_F32};
}

static rapt_tensor rows_of(float *data) {
  return (rapt_tensor){.data = data, .stride = {0, SMALL_WIDTH, 1}, .dtype = RAPT_F32};
}

void small_open(small_calls *s, rapt_context *context, int64_t kv_len) {
  int64_t count = kv_len * SMALL_WIDTH;
  float *numbers = fill(count > SMALL_WIDTH * SMALL_WIDTH ? count : SMALL_WIDTH * SMALL_WIDTH);
  *s = (small_calls){.context = context, .kv_len = kv_len};
  s->input = cuda_upload(context, numbers, (size_t)count * sizeof(float));
  s->output = cuda_allocate(context, (size_t)count * sizeof(float));
  s->square = square_linear(context, numbers);
  free(numbers);
  s->attention = (rapt_sdpa){.head = {.struct_size = sizeof(rapt_sdpa)},
                             .query = heads_of(s->input),
                             .key = heads_of(s->input),
                             .value = heads_of(s->input),
                             .output = heads_of(s->output),
                             .batch = 1,
                             .query_heads = SMALL_HEADS,
                             .kv_heads = SMALL_HEADS,
                             .query_len = SMALL_QUERIES,
                             .kv_len = kv_len,
                             .head_dim = SMALL_DIM,
                             .value_dim = SMALL_DIM};
  s->linear = (rapt_linear){.head = {.struct_size = sizeof(rapt_linear)},
                            .weights = s->square,
                            .input = rows_of(s->input),
                            .output = rows_of(s->output),
                            .batch = 1,
                            .rows = SMALL_QUERIES};
  s->mha = (rapt_mha){.head = {.struct_size = sizeof(rapt_mha)},
                      .query_projection = s->square,
                      .key_projection = s->square,
                      .value_projection = s->square,
                      .output_projection = s->square,
                      .query = rows_of(s->input),
                      .key = rows_of(s->input),
                      .value = rows_of(s->input),
                      .output = rows_of(s->output),
                      .batch = 1,
                      .query_heads = SMALL_HEADS,
                      .kv_heads = SMALL_HEADS,
                      .query_len = SMALL_QUERIES,
                      .kv_len = kv_len};
  // The numbers serve as angles too.
  s->rope = (rapt_rope){.head = {.struct_size = sizeof(rapt_rope)},
                        .input = heads_of(s->input),
                        .output = heads_of(s->output),
                        .cosine = rows_of(s->input),
                        .sine = rows_of(s->input),
                        .batch = 1,
                        .heads = SMALL_HEADS,
                        .length = SMALL_QUERIES,
                        .head_dim = SMALL_DIM};
}

void small_close(small_calls *s) {
  rapt_linear_destroy(s->square);
  cuda_release(s->context, s->output);
  cuda_release(s->context, s->input);
}

void small_result(const small_calls *s, float *to) {
  cuda_download(s->context, to, s->output, SMALL_QUERIES * SMALL_WIDTH * sizeof(float));
}
