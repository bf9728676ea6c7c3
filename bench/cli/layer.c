// SPDX-License-Identifier: Apache-2.0
#include "layer.h"

#include <math.h>

#include "cli.h"
#include "cuda.h"
#include "memory.h"
#include "storage.h"

enum { QUERY, KEY, VALUE, OUTPUT, PROJECTIONS };

static void *take(const layer_data *layout, size_t count) {
  void *data = memory_take(count * layout->width);
  if (data == NULL) cli_fail("no memory for a tensor of %zu MiB", count * layout->width >> 20);
  return data;
}

int layer_data_open(layer_data *data, const bench_problem *p, int64_t embed) {
  *data = (layer_data){.embed = embed,
                       .dtype = problem_dtype(p),
                       .width = storage_bytes(problem_dtype(p)),
                       .in = {embed, embed, embed, p->heads * p->value_dim},
                       .out = {p->heads * p->head_dim, p->kv_heads * p->head_dim, p->kv_heads * p->value_dim, embed},
                       .query_count = (size_t)(p->batch * p->q_len * embed),
                       .memory_count = (size_t)(p->batch * p->kv_len * embed)};
  int good = 1;
  for (int i = 0; i < PROJECTIONS && good; i++) {
    data->weight_count[i] = (size_t)(data->in[i] * data->out[i]);
    good = (data->weight[i] = take(data, data->weight_count[i])) != NULL;
    if (good) {
      // The scale keeps activations around 1 from layer to layer.
      storage_fill_random(data->weight[i], data->weight_count[i], (uint64_t)i + 10, 1 / sqrtf((float)data->in[i]),
                          data->dtype);
    }
  }
  good = good && (data->query = take(data, data->query_count)) != NULL &&
         (data->output = take(data, data->query_count)) != NULL &&
         (data->memory = take(data, data->memory_count)) != NULL;
  if (!good) {
    layer_data_close(data);
    return 0;
  }
  storage_fill_random(data->query, data->query_count, 20, 1, data->dtype);
  storage_fill_random(data->memory, data->memory_count, 20, 1, data->dtype);
  memory_touch(data->output, data->query_count * data->width);
  return 1;
}

void layer_data_close(layer_data *data) {
  for (int i = 0; i < PROJECTIONS; i++) memory_give_back(data->weight[i], data->weight_count[i] * data->width);
  memory_give_back(data->query, data->query_count * data->width);
  memory_give_back(data->output, data->query_count * data->width);
  memory_give_back(data->memory, data->memory_count * data->width);
  *data = (layer_data){0};
}

static int place(layer *l, const layer_data *data) {
  size_t query = data->query_count * data->width;
  return (l->remote_query = cuda_copy_of(l->on, data->query, query)) != NULL &&
         (l->remote_memory = cuda_copy_of(l->on, data->memory, data->memory_count * data->width)) != NULL &&
         (l->remote_output = cuda_copy_of(l->on, data->output, query)) != NULL;
}

int layer_open(layer *l, const layer_data *data, const device *on) {
  *l = (layer){.on = on};
  for (int i = 0; i < PROJECTIONS; i++) {
    rapt_linear_parameters weights = {
        .struct_size = sizeof weights,
        .weight = {.data = data->weight[i], .stride = {data->in[i], 1, 0, 0}, .dtype = data->dtype},
        .in_features = data->in[i],
        .out_features = data->out[i],
    };
    rapt_error error = {.struct_size = sizeof error};
    if (rapt_linear_create(on->context, &weights, &l->linear[i], &error) != RAPT_OK) {
      cli_fail("%s", error.message);
      layer_close(l);
      return 0;
    }
  }
  if (on->cuda && !place(l, data)) {
    layer_close(l);
    return 0;
  }
  return 1;
}

int layer_fetch(const layer *l, const layer_data *data) {
  return !l->on->cuda || cuda_fetch(l->on, data->output, l->remote_output, data->query_count * data->width);
}

void layer_close(layer *l) {
  if (l->on != NULL && l->on->cuda) {
    cuda_give_back(l->on, l->remote_query);
    cuda_give_back(l->on, l->remote_memory);
    cuda_give_back(l->on, l->remote_output);
  }
  for (int i = 0; i < PROJECTIONS; i++) rapt_linear_destroy(l->linear[i]);
  *l = (layer){0};
}

static rapt_tensor rows_of(const layer_data *layout, void *data, int64_t rows) {
  const int64_t embed = layout->embed;
  return (rapt_tensor){.data = data, .stride = {rows * embed, embed, 1, 0}, .dtype = layout->dtype};
}

rapt_mha layer_call(const layer *l, const layer_data *data, const bench_problem *p) {
  const int remote = l->on->cuda;
  void *memory = remote ? l->remote_memory : data->memory;
  return (rapt_mha){
      .head = {.struct_size = sizeof(rapt_mha)},
      .query_projection = l->linear[QUERY],
      .key_projection = l->linear[KEY],
      .value_projection = l->linear[VALUE],
      .output_projection = l->linear[OUTPUT],
      .query = rows_of(data, remote ? l->remote_query : data->query, p->q_len),
      .key = rows_of(data, memory, p->kv_len),
      .value = rows_of(data, memory, p->kv_len),
      .output = rows_of(data, remote ? l->remote_output : data->output, p->q_len),
      .batch = p->batch,
      .query_heads = p->heads,
      .kv_heads = p->kv_heads,
      .query_len = p->q_len,
      .kv_len = p->kv_len,
      .options = problem_call(p).options,
  };
}

double layer_flops(const bench_problem *p, int64_t embed) {
  double query = (double)p->q_len * (double)p->heads * (double)(p->head_dim + p->value_dim);
  double memory = (double)p->kv_len * (double)p->kv_heads * (double)(p->head_dim + p->value_dim);
  return 2 * (double)p->batch * (double)embed * (query + memory) + problem_flops(p);
}

double layer_bytes(const bench_problem *p, int64_t embed) {
  double activations = (double)p->batch * (double)embed * (double)(2 * p->q_len + p->kv_len);
  double weights = (double)embed * (double)(p->heads + p->kv_heads) * (double)(p->head_dim + p->value_dim);
  return (activations + weights) * (double)storage_bytes(problem_dtype(p));
}
