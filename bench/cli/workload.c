// SPDX-License-Identifier: Apache-2.0
#include "workload.h"

#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "cli.h"
#include "cuda.h"
#include "machine.h"
#include "memory.h"
#include "storage.h"

enum { MAX_COPIES = 1024 };

static rapt_tensor dense(void *data, int32_t dtype, int64_t heads, int64_t rows, int64_t width) {
  return (rapt_tensor){.data = data, .stride = {heads * rows * width, rows * width, width, 1}, .dtype = dtype};
}

int64_t workload_cold_copies(const bench_problem *p, const device *on) {
  double one = (double)p->batch * (double)p->kv_heads * (double)p->kv_len * problem_row_bytes(p);
  double wanted = 8 * (double)last_cache_bytes(on);
  int64_t copies = 1;
  while (copies < MAX_COPIES && (double)copies * one < wanted && (double)(copies + 1) * one <= 0x1p31) copies++;
  return copies;
}

static void *take(size_t bytes, size_t copies) {
  void *data = memory_take(bytes * copies);
  if (data == NULL) cli_fail("no memory for a tensor of %zu MiB", bytes * copies >> 20);
  return data;
}

int workload_open(workload *w, const bench_problem *p, int64_t copies) {
  const int32_t dtype = problem_dtype(p), kv_dtype = problem_kv_dtype(p);
  const size_t width = storage_bytes(dtype), kv_width = storage_bytes(kv_dtype);
  *w = (workload){.copies = copies, .width = width, .kv_width = kv_width, .call = problem_call(p)};
  size_t rows = (size_t)(p->batch * p->heads * p->q_len);
  size_t keys = (size_t)(p->batch * p->kv_heads * p->kv_len);
  w->query_count = rows * (size_t)p->head_dim;
  w->key_count = keys * (size_t)p->head_dim;
  w->value_count = keys * (size_t)p->value_dim;
  w->output_count = rows * (size_t)p->value_dim;
  w->scale_count = kv_dtype == RAPT_I8 ? 2 * keys : 0;
  if ((w->query = take(w->query_count * width, 1)) == NULL ||
      (w->key = take(w->key_count * kv_width, (size_t)copies)) == NULL ||
      (w->value = take(w->value_count * kv_width, (size_t)copies)) == NULL ||
      (w->output = take(w->output_count * width, 1)) == NULL ||
      (w->scale = take(w->scale_count * sizeof(float), (size_t)copies)) == NULL) {
    workload_close(w);
    return 0;
  }
  storage_fill_random(w->query, w->query_count, 1, 1, dtype);
  // Bytes from -127 to 127, which their scales bring back to [-1, 1].
  const float reach = kv_dtype == RAPT_I8 ? 128 : 1;
  storage_fill_random(w->key, w->key_count, 2, reach, kv_dtype);
  storage_fill_random(w->value, w->value_count, 3, reach, kv_dtype);
  for (size_t i = 0; i < w->scale_count * (size_t)copies; i++) w->scale[i] = 1 / 127.0f;
  memory_touch(w->output, w->output_count * width);
  for (int64_t c = 1; c < copies; c++) {
    memcpy((char *)w->key + (size_t)c * w->key_count * kv_width, w->key, w->key_count * kv_width);
    memcpy((char *)w->value + (size_t)c * w->value_count * kv_width, w->value, w->value_count * kv_width);
  }
  w->call.query = dense(w->query, dtype, p->heads, p->q_len, p->head_dim);
  w->call.key = dense(w->key, kv_dtype, p->kv_heads, p->kv_len, p->head_dim);
  w->call.value = dense(w->value, kv_dtype, p->kv_heads, p->kv_len, p->value_dim);
  w->call.output = dense(w->output, dtype, p->heads, p->q_len, p->value_dim);
  if (w->scale_count) {
    w->call.key_scale = dense(w->scale, RAPT_F32, p->kv_heads, p->kv_len, 1);
    w->call.value_scale = dense(w->scale + keys, RAPT_F32, p->kv_heads, p->kv_len, 1);
  }
  return 1;
}

// All pages in an order that no prefetcher knows; the same in each run.
static void shuffle(int32_t *pages, int64_t count) {
  uint64_t state = 1;
  for (int64_t i = 0; i < count; i++) pages[i] = (int32_t)i;
  for (int64_t i = count - 1; i > 0; i--) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    int64_t other = (int64_t)((state >> 33) % (uint64_t)(i + 1));
    int32_t page = pages[i];
    pages[i] = pages[other];
    pages[other] = page;
  }
}

int workload_page(workload *w, int64_t page_size) {
  rapt_sdpa *c = &w->call;
  int64_t of_sample = c->kv_len / page_size, pages = c->batch * of_sample;
  w->page_table = malloc((size_t)pages * sizeof *w->page_table);
  w->key_lengths = malloc((size_t)c->batch * sizeof *w->key_lengths);
  if (w->page_table == NULL || w->key_lengths == NULL) {
    cli_fail("no memory for a table of %lld pages", (long long)pages);
    return 0;
  }
  shuffle(w->page_table, pages);
  for (int64_t b = 0; b < c->batch; b++) w->key_lengths[b] = (int32_t)c->kv_len;
  c->page_table = (rapt_tensor){.data = w->page_table, .stride = {of_sample, 1}, .dtype = RAPT_I32};
  c->key_lengths = (rapt_tensor){.data = w->key_lengths, .stride = {1}, .dtype = RAPT_I32};
  c->pages = pages;
  c->page_size = page_size;
  c->max_pages = of_sample;
  c->key = dense(c->key.data, c->key.dtype, c->kv_heads, page_size, c->head_dim);
  c->value = dense(c->value.data, c->value.dtype, c->kv_heads, page_size, c->value_dim);
  if (w->scale_count) {
    c->key_scale = dense(c->key_scale.data, RAPT_F32, c->kv_heads, page_size, 1);
    c->value_scale = dense(c->value_scale.data, RAPT_F32, c->kv_heads, page_size, 1);
  }
  return 1;
}

static int place_pages(workload *w) {
  const rapt_sdpa *c = &w->call;
  if (w->page_table == NULL) return 1;
  w->remote_table = cuda_copy_of(w->on, w->page_table, (size_t)c->pages * sizeof *w->page_table);
  w->remote_lengths = cuda_copy_of(w->on, w->key_lengths, (size_t)c->batch * sizeof *w->key_lengths);
  return w->remote_table != NULL && w->remote_lengths != NULL;
}

int workload_place(workload *w, const device *on) {
  w->on = on;
  if (!on->cuda) return 1;
  size_t copies = (size_t)w->copies;
  return (w->remote_query = cuda_copy_of(on, w->query, w->query_count * w->width)) != NULL &&
         (w->remote_key = cuda_copy_of(on, w->key, w->key_count * copies * w->kv_width)) != NULL &&
         (w->remote_value = cuda_copy_of(on, w->value, w->value_count * copies * w->kv_width)) != NULL &&
         (w->remote_output = cuda_copy_of(on, w->output, w->output_count * w->width)) != NULL &&
         (!w->scale_count ||
          (w->remote_scale = cuda_copy_of(on, w->scale, w->scale_count * copies * sizeof(float))) != NULL) &&
         place_pages(w);
}

int workload_fetch(workload *w) {
  return !w->on->cuda || cuda_fetch(w->on, w->output, w->remote_output, w->output_count * w->width);
}

void workload_close(workload *w) {
  if (w->on != NULL && w->on->cuda) {
    cuda_give_back(w->on, w->remote_query);
    cuda_give_back(w->on, w->remote_key);
    cuda_give_back(w->on, w->remote_value);
    cuda_give_back(w->on, w->remote_output);
    cuda_give_back(w->on, w->remote_scale);
    cuda_give_back(w->on, w->remote_table);
    cuda_give_back(w->on, w->remote_lengths);
  }
  memory_give_back(w->query, w->query_count * w->width);
  memory_give_back(w->key, w->key_count * (size_t)w->copies * w->kv_width);
  memory_give_back(w->value, w->value_count * (size_t)w->copies * w->kv_width);
  memory_give_back(w->output, w->output_count * w->width);
  memory_give_back(w->scale, w->scale_count * (size_t)w->copies * sizeof(float));
  free(w->page_table);
  free(w->key_lengths);
  *w = (workload){0};
}

int workload_run(void *workload_state) {
  workload *w = workload_state;
  size_t turn = (size_t)(w->turn++ % w->copies);
  size_t key = turn * w->key_count * w->kv_width, value = turn * w->value_count * w->kv_width;
  size_t keys_scale = turn * w->scale_count, values_scale = keys_scale + w->scale_count / 2;
  w->call.key.data = (char *)w->key + key;
  w->call.value.data = (char *)w->value + value;
  if (w->scale_count) {
    w->call.key_scale.data = w->scale + keys_scale;
    w->call.value_scale.data = w->scale + values_scale;
  }
  rapt_sdpa call = w->call;
  if (w->on->cuda) {
    call.query.data = w->remote_query;
    call.key.data = (char *)w->remote_key + key;
    call.value.data = (char *)w->remote_value + value;
    call.output.data = w->remote_output;
    call.page_table.data = w->remote_table;
    call.key_lengths.data = w->remote_lengths;
  }
  if (w->on->cuda && w->scale_count) {
    call.key_scale.data = (float *)w->remote_scale + keys_scale;
    call.value_scale.data = (float *)w->remote_scale + values_scale;
  }
  rapt_error error = {.struct_size = sizeof error};
  if (rapt_sdpa_run(w->on->context, &call, &error) != RAPT_OK) {
    cli_fail("%s", error.message);
    return 0;
  }
  return 1;
}
