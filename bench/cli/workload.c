/* SPDX-License-Identifier: Apache-2.0 */
#include "workload.h"

#include <string.h>

#include "ceilings.h"
#include "cli.h"
#include "memory.h"

enum { MAX_COPIES = 1024 };

static rapt_tensor dense(float *data, int64_t heads, int64_t rows, int64_t width) {
  return (rapt_tensor){.data = data, .stride = {heads * rows * width, rows * width, width, 1}, .dtype = RAPT_F32};
}

int64_t workload_cold_copies(const bench_problem *p) {
  double one = (double)p->batch * (double)p->kv_heads * (double)p->kv_len * (double)(p->head_dim + p->value_dim) *
               (double)sizeof(float);
  double wanted = 4 * (double)last_cache_bytes();
  int64_t copies = 1;
  while (copies < MAX_COPIES && (double)copies * one < wanted && (double)(copies + 1) * one <= 0x1p31) {
    copies++;
  }
  return copies;
}

static float *take(size_t count, size_t copies) {
  float *data = memory_take(count * copies * sizeof(float));
  if (!data) {
    cli_fail("no memory for a tensor of %zu MiB", count * copies * sizeof(float) >> 20);
  }
  return data;
}

int workload_open(workload *w, const bench_problem *p, int64_t copies) {
  *w = (workload){.copies = copies, .call = problem_call(p)};
  size_t rows = (size_t)(p->batch * p->heads * p->q_len);
  size_t keys = (size_t)(p->batch * p->kv_heads * p->kv_len);
  w->query_count = rows * (size_t)p->head_dim;
  w->key_count = keys * (size_t)p->head_dim;
  w->value_count = keys * (size_t)p->value_dim;
  w->output_count = rows * (size_t)p->value_dim;
  if (!(w->query = take(w->query_count, 1)) || !(w->key = take(w->key_count, (size_t)copies)) ||
      !(w->value = take(w->value_count, (size_t)copies)) || !(w->output = take(w->output_count, 1))) {
    workload_close(w);
    return 0;
  }
  memory_fill_random(w->query, w->query_count, 1);
  memory_fill_random(w->key, w->key_count, 2);
  memory_fill_random(w->value, w->value_count, 3);
  memory_touch(w->output, w->output_count * sizeof(float));
  for (int64_t c = 1; c < copies; c++) {
    memcpy(w->key + (size_t)c * w->key_count, w->key, w->key_count * sizeof(float));
    memcpy(w->value + (size_t)c * w->value_count, w->value, w->value_count * sizeof(float));
  }
  w->call.query = dense(w->query, p->heads, p->q_len, p->head_dim);
  w->call.key = dense(w->key, p->kv_heads, p->kv_len, p->head_dim);
  w->call.value = dense(w->value, p->kv_heads, p->kv_len, p->value_dim);
  w->call.output = dense(w->output, p->heads, p->q_len, p->value_dim);
  return 1;
}

void workload_close(workload *w) {
  memory_give_back(w->query, w->query_count * sizeof(float));
  memory_give_back(w->key, w->key_count * (size_t)w->copies * sizeof(float));
  memory_give_back(w->value, w->value_count * (size_t)w->copies * sizeof(float));
  memory_give_back(w->output, w->output_count * sizeof(float));
  *w = (workload){0};
}

int workload_run(void *workload_state) {
  workload *w = workload_state;
  size_t turn = (size_t)(w->turn++ % w->copies);
  w->call.key.data = w->key + turn * w->key_count;
  w->call.value.data = w->value + turn * w->value_count;
  rapt_error error = {.struct_size = sizeof error};
  if (rapt_attention_run(w->on->context, &w->call, &error) != RAPT_OK) {
    cli_fail("%s", error.message);
    return 0;
  }
  return 1;
}
