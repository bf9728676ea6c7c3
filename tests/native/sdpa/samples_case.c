// SPDX-License-Identifier: Apache-2.0
#include "sdpa/samples_case.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/check.h"
#include "support/random.h"
#include "support/storage.h"

// What an element is for: it has the same value wherever it lies.
enum part { QUERY, KEY, VALUE, KEY_SCALE, VALUE_SCALE, MASK, BIAS, SLOPES, SINKS };

static uint64_t hash(const samples_case *c, enum part part, int64_t b, int64_t h, int64_t s, int64_t d) {
  random_state r = {c->seed * 31 + (uint64_t)part};
  r.state ^= random_next(&r) + (uint64_t)b * 0x9e3779b97f4a7c15u;
  r.state ^= random_next(&r) + (uint64_t)h * 0xbf58476d1ce4e5b9u;
  r.state ^= random_next(&r) + (uint64_t)s * 0x94d049bb133111ebu;
  return random_next(&r) ^ (uint64_t)d * 0xd6e8feb86659fd93u;
}

static int64_t bytes_of(int32_t dtype) {
  return dtype == RAPT_F32 || dtype == RAPT_I32 ? 4
         : dtype == RAPT_I64                    ? 8
         : dtype <= RAPT_BOOL                   ? 1
         : dtype == RAPT_I8                     ? 1
                                                : 2;
}

static void put(void *data, int32_t dtype, int64_t at, enum part part, uint64_t bits) {
  random_state r = {bits};
  float u = random_unit(&r);
  if (dtype == RAPT_I8) {
    ((int8_t *)data)[at] = (int8_t)(bits >> 40);
  } else if (dtype == RAPT_BOOL) {
    ((uint8_t *)data)[at] = random_percent(&r, 80);
  } else {
    if (part == KEY_SCALE || part == VALUE_SCALE) u = 0.01f * (1.1f + u);
    if (part == BIAS && random_percent(&r, 10)) u = -INFINITY;
    if (part == KEY || part == QUERY) u *= 2;
    storage_set(data, dtype, at, u);
  }
}

static void put_index(const samples_case *c, void *data, int64_t at, int64_t value) {
  if (c->index_type == RAPT_I32) {
    ((int32_t *)data)[at] = (int32_t)value;
  } else {
    ((int64_t *)data)[at] = value;
  }
}

static int64_t most(const int64_t *of, int64_t count) {
  int64_t most = 0;
  for (int64_t b = 0; b < count; b++) most = of[b] > most ? of[b] : most;
  return most;
}

// Tokens before sample b and, behind the last one, all: with one of no sample before each.
static int64_t start_of(const int64_t *of, int64_t b, int64_t gap) {
  int64_t start = gap;
  for (int64_t n = 0; n < b; n++) start += of[n];
  return start;
}

// Tokens of a sample where KEYS_SHORTENED keeps some behind its length.
enum { BEHIND = 2 };
static void stored_keys(const samples_case *c, int64_t stored[MOST_SAMPLES]) {
  for (int64_t b = 0; b < c->batch; b++) stored[b] = c->keys[b] + (c->form == KEYS_SHORTENED ? BEHIND : 0);
}

// The page of each sample's n-th page: in order, or each as far from the one before it as a generator goes. The last
// page of all is the last one of the last sample, so that memory ends with its last row.
static int64_t pages_of(const samples_case *c, int64_t b) { return (c->keys[b] + c->page_size - 1) / c->page_size; }
static int64_t page_count(const samples_case *c) {
  int64_t pages = 0;
  for (int64_t b = 0; b < c->batch; b++) pages += pages_of(c, b);
  return pages;
}
static int64_t page_at(const samples_case *c, int64_t b, int64_t n) {
  int64_t pages = page_count(c), number = n;
  for (int64_t a = 0; a < b; a++) number += pages_of(c, a);
  if (!c->shuffled || number == pages - 1) return number;
  // A large prime has no factor in common with them.
  int64_t others = pages - 1, factor = 10007;
  return others > 0 ? number * factor % others : number;
}

// (samples, heads, rows, elements) by head or by token.
static void set_strides(rapt_tensor *t, int64_t heads, int64_t rows, int64_t elements, int by_token) {
  t->stride[0] = heads * rows * elements;
  t->stride[1] = by_token ? elements : rows * elements;
  t->stride[2] = by_token ? heads * elements : elements;
  t->stride[3] = 1;
}

static void *take(guard_buffer *buffer, size_t bytes, int64_t fill) {
  void *data = guard_place(buffer, bytes, GUARD_END);
  memset(data, (int)fill, bytes);
  return data;
}

// The element at which row j of sample b begins.
static int64_t key_at(const samples_case *c, const rapt_tensor *t, int64_t b, int64_t h, int64_t j) {
  int64_t batch = b, row = j, stored[MOST_SAMPLES];
  stored_keys(c, stored);
  if (c->form == KEYS_RAGGED || c->form == KEYS_SHORTENED) batch = 0, row = start_of(stored, b, 1) + j;
  if (c->form == KEYS_PAGED) batch = page_at(c, b, j / c->page_size), row = j % c->page_size;
  return batch * t->stride[0] + h * t->stride[1] + row * t->stride[2];
}

// Places key, value or a scale. Memory has the elements of all samples' keys and no more; what else lies between them
// is NaN.
static void place_keys(const samples_case *c, guard_buffer *buffer, rapt_tensor *t, int32_t dtype, enum part part,
                       int64_t elements, const rapt_tensor *beside) {
  int64_t kv_len = most(c->keys, c->batch), stored[MOST_SAMPLES], end = 0, size = bytes_of(dtype);
  stored_keys(c, stored);
  int64_t rows = c->form == KEYS_PAGED ? c->page_size : c->form == KEYS_DENSE ? kv_len : start_of(stored, c->batch, 1);
  t->dtype = dtype;
  set_strides(t, c->kv_heads, rows, elements, c->by_token);
  // K and V of a page side by side.
  if (c->together) t->stride[0] = 2 * c->kv_heads * rows * elements;
  for (int64_t b = 0; b < c->batch; b++) {
    for (int64_t h = 0; h < c->kv_heads && c->keys[b] > 0; h++) {
      int64_t last = key_at(c, t, b, h, c->keys[b] - 1) + elements;
      end = last > end ? last : end;
      // Pages are not in order.
      for (int64_t j = 0; j < c->keys[b]; j++) {
        last = key_at(c, t, b, h, j) + elements;
        end = last > end ? last : end;
      }
    }
  }
  if (beside != NULL) {
    t->data = (unsigned char *)beside->data + c->kv_heads * rows * elements * size;
  } else {
    int64_t room = end + (c->together ? c->kv_heads * rows * elements : 0);
    t->data = take(buffer, (size_t)(room * size), 0xFF);
  }
  for (int64_t b = 0; b < c->batch; b++) {
    for (int64_t h = 0; h < c->kv_heads; h++) {
      for (int64_t j = 0; j < c->keys[b]; j++) {
        int64_t row = key_at(c, t, b, h, j);
        for (int64_t d = 0; d < elements; d++) put(t->data, dtype, row + d, part, hash(c, part, b, h, j, d));
      }
    }
  }
}

// The element at which row i of sample b begins.
static int64_t query_at(const samples_case *c, const rapt_tensor *t, int64_t b, int64_t h, int64_t i) {
  int64_t row = c->ragged_queries ? start_of(c->queries, b, 1) + i : i;
  return (c->ragged_queries ? 0 : b * t->stride[0]) + h * t->stride[1] + row * t->stride[2];
}

const unsigned char *samples_row(const samples_case *c, const rapt_tensor *t, int64_t b, int64_t h, int64_t i) {
  return (const unsigned char *)t->data + query_at(c, t, b, h, i) * bytes_of(t->dtype);
}

// Tokens of query in a sample's dense or the ragged tensor.
static int64_t query_rows(const samples_case *c) {
  return c->ragged_queries ? start_of(c->queries, c->batch, 1) : most(c->queries, c->batch);
}

static size_t place_rows(const samples_case *c, guard_buffer *buffer, rapt_tensor *t, int32_t dtype, int64_t elements) {
  int64_t rows = query_rows(c), batch = c->ragged_queries ? 1 : c->batch;
  t->dtype = dtype;
  set_strides(t, c->heads, rows, elements, c->by_token);
  size_t bytes = (size_t)(batch * c->heads * rows * elements * bytes_of(dtype));
  t->data = take(buffer, bytes, 0xFF);
  return bytes;
}

// (batch, heads, query_len, kv_len), of the samples from this number on.
static void place_scores(const samples_case *c, guard_buffer *buffer, rapt_tensor *t, int32_t dtype, enum part part,
                         const rapt_sdpa *call, int64_t sample) {
  t->dtype = dtype;
  set_strides(t, c->heads, call->query_len, call->kv_len, 0);
  t->data = take(buffer, (size_t)(call->batch * t->stride[0] * bytes_of(dtype)), 0xFF);
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t h = 0; h < c->heads; h++) {
      for (int64_t i = 0; i < c->queries[b]; i++) {
        for (int64_t j = 0; j < c->keys[b]; j++) {
          int64_t at = b * t->stride[0] + h * t->stride[1] + i * t->stride[2] + j;
          put(t->data, dtype, at, part, hash(c, part, sample + b, h, i, j));
        }
      }
    }
  }
}

static void place_heads(const samples_case *c, guard_buffer *buffer, rapt_tensor *t, enum part part, int64_t batch,
                        int64_t first) {
  t->dtype = RAPT_F32;
  t->stride[0] = c->heads, t->stride[1] = 1;
  t->data = take(buffer, (size_t)(batch * c->heads) * sizeof(float), 0xFF);
  for (int64_t n = 0; n < batch * c->heads; n++) {
    put(t->data, RAPT_F32, n, part, hash(c, part, first + n / c->heads, n % c->heads, 0, 0));
  }
}

static void describe(const samples_case *c, rapt_sdpa *call) {
  *call = (rapt_sdpa){.head = {.struct_size = sizeof *call},
                      .query_heads = c->heads,
                      .kv_heads = c->kv_heads,
                      .head_dim = c->head_dim,
                      .value_dim = c->value_dim,
                      .key_scale_groups = c->key_type == RAPT_I8 ? c->key_groups : 0,
                      .value_scale_groups = c->value_type == RAPT_I8 ? c->value_groups : 0,
                      .options = {.window_left = 9,
                                  .window_right = 3,
                                  .softcap = c->softcap,
                                  .flags = c->flags,
                                  .weights_stage = c->weights < 0 ? 0 : c->weights}};
}

static int64_t position_of(const samples_case *c, int64_t b) {
  if (c->placed == 1) return c->keys[b] - c->queries[b];
  return c->placed == 2 ? c->keys[b] / 2 + b : 3;
}

// What is the same in both calls: everything of `batch` samples from `first` on.
static void place_around(const samples_case *c, samples_memory *m, int64_t batch, int64_t first, rapt_sdpa *call) {
  place_rows(c, &m->query, &call->query, c->query_type, c->head_dim);
  m->output_bytes = place_rows(c, &m->output, &call->output, c->output_type, c->value_dim);
  if (c->lse) m->lse_bytes = place_rows(c, &m->lse, &call->lse, RAPT_F32, 1);
  if (c->weights >= 0) m->weights_bytes = place_rows(c, &m->weights, &call->weights, c->output_type, call->kv_len);
  for (int64_t b = 0; b < batch; b++) {
    for (int64_t h = 0; h < c->heads; h++) {
      for (int64_t i = 0; i < c->queries[b]; i++) {
        for (int64_t d = 0; d < c->head_dim; d++) {
          put(call->query.data, c->query_type, query_at(c, &call->query, b, h, i) + d, QUERY,
              hash(c, QUERY, first + b, h, i, d));
        }
      }
    }
  }
  if (c->alibi) place_heads(c, &m->slopes, &call->alibi_slopes, SLOPES, batch, first);
  if (c->sinks) place_heads(c, &m->sinks, &call->sinks, SINKS, batch, first);
}

static void *place_indices(const samples_case *c, guard_buffer *buffer, rapt_tensor *t, int64_t count) {
  t->dtype = c->index_type;
  t->stride[0] = t->stride[1] = 1;
  t->data = take(buffer, (size_t)(count * bytes_of(c->index_type)), 0xFF);
  return t->data;
}

static void place_samples(const samples_case *c, samples_memory *m, rapt_sdpa *call) {
  int64_t stored[MOST_SAMPLES];
  stored_keys(c, stored);
  if (c->ragged_queries) {
    void *starts = place_indices(c, &m->query_starts, &call->query_starts, c->batch + 1);
    for (int64_t b = 0; b <= c->batch; b++) put_index(c, starts, b, start_of(c->queries, b, 1));
    call->total_queries = query_rows(c);
  }
  if (c->form == KEYS_RAGGED || c->form == KEYS_SHORTENED) {
    void *starts = place_indices(c, &m->key_starts, &call->key_starts, c->batch + 1);
    for (int64_t b = 0; b <= c->batch; b++) put_index(c, starts, b, start_of(stored, b, 1));
    call->total_keys = start_of(stored, c->batch, 1);
  }
  if (c->form != KEYS_RAGGED) {
    void *lengths = place_indices(c, &m->lengths, &call->key_lengths, c->batch);
    for (int64_t b = 0; b < c->batch; b++) put_index(c, lengths, b, c->keys[b]);
  }
  if (c->form == KEYS_PAGED) {
    call->page_size = c->page_size;
    call->pages = page_count(c);
    // One entry more than any sample needs, with a page that does not exist.
    call->max_pages = (call->kv_len + c->page_size - 1) / c->page_size + 1;
    void *table = place_indices(c, &m->table, &call->page_table, c->batch * call->max_pages);
    call->page_table.stride[0] = call->max_pages;
    for (int64_t b = 0; b < c->batch; b++) {
      for (int64_t n = 0; n < call->max_pages; n++) {
        put_index(c, table, b * call->max_pages + n, n < pages_of(c, b) ? page_at(c, b, n) : INT32_MAX - n);
      }
    }
  }
}

void samples_place(const samples_case *c, samples_memory *m, rapt_sdpa *call) {
  describe(c, call);
  call->batch = c->batch;
  call->query_len = most(c->queries, c->batch);
  call->kv_len = most(c->keys, c->batch);
  m->lse_bytes = m->weights_bytes = 0;
  place_samples(c, m, call);
  if (c->form == KEYS_SHORTENED) call->kv_len += BEHIND;
  place_around(c, m, c->batch, 0, call);
  place_keys(c, &m->key, &call->key, c->key_type, KEY, c->head_dim, NULL);
  place_keys(c, &m->value, &call->value, c->value_type, VALUE, c->value_dim, c->together ? &call->key : NULL);
  samples_case apart = *c;
  apart.together = 0;
  if (c->key_type == RAPT_I8) {
    place_keys(&apart, &m->key_scale, &call->key_scale, RAPT_F32, KEY_SCALE, c->key_groups, NULL);
  }
  if (c->value_type == RAPT_I8) {
    place_keys(&apart, &m->value_scale, &call->value_scale, RAPT_F32, VALUE_SCALE, c->value_groups, NULL);
  }
  if (c->mask) place_scores(c, &m->mask, &call->mask, RAPT_BOOL, MASK, call, 0);
  if (c->bias) place_scores(c, &m->bias, &call->bias, c->query_type, BIAS, call, 0);
  if (c->placed == 0) call->options.position = 3;
  if (c->placed == 1) call->options.flags |= RAPT_BOTTOM_RIGHT;
  if (c->placed != 2) return;
  void *positions = place_indices(c, &m->positions, &call->positions, c->batch);
  for (int64_t b = 0; b < c->batch; b++) put_index(c, positions, b, position_of(c, b));
}

void samples_place_alone(const samples_case *c, int64_t b, samples_memory *m, rapt_sdpa *call) {
  samples_case alone = *c;
  describe(c, call);
  alone.batch = 1;
  alone.queries[0] = call->query_len = c->queries[b];
  alone.keys[0] = call->kv_len = c->keys[b];
  alone.ragged_queries = alone.together = 0;
  alone.form = KEYS_DENSE;
  call->batch = 1;
  m->lse_bytes = m->weights_bytes = 0;
  place_around(&alone, m, 1, b, call);
  const int64_t depth[4] = {c->head_dim, c->value_dim, c->key_groups, c->value_groups};
  const int32_t type[4] = {c->key_type, c->value_type, RAPT_F32, RAPT_F32};
  const enum part parts[4] = {KEY, VALUE, KEY_SCALE, VALUE_SCALE};
  rapt_tensor *const tensors[4] = {&call->key, &call->value, &call->key_scale, &call->value_scale};
  guard_buffer *const buffers[4] = {&m->key, &m->value, &m->key_scale, &m->value_scale};
  for (int n = 0; n < 4; n++) {
    if (n >= 2 && type[n - 2] != RAPT_I8) continue;
    rapt_tensor *t = tensors[n];
    t->dtype = type[n];
    set_strides(t, c->kv_heads, c->keys[b], depth[n], c->by_token);
    t->data = take(buffers[n], (size_t)(t->stride[0] * bytes_of(type[n])), 0xFF);
    for (int64_t h = 0; h < c->kv_heads; h++) {
      for (int64_t j = 0; j < c->keys[b]; j++) {
        for (int64_t d = 0; d < depth[n]; d++) {
          put(t->data, type[n], h * t->stride[1] + j * t->stride[2] + d, parts[n], hash(c, parts[n], b, h, j, d));
        }
      }
    }
  }
  if (c->mask) place_scores(&alone, &m->mask, &call->mask, RAPT_BOOL, MASK, call, b);
  if (c->bias) place_scores(&alone, &m->bias, &call->bias, c->query_type, BIAS, call, b);
  call->options.position = position_of(c, b);
}

void samples_print(const samples_case *c, char *text, size_t size) {
  int used =
      snprintf(text, size,
               "seed %llu: %lldx%lld/%lld heads of %lld/%lld, types %d %d %d %d index %d, groups %lld %lld, flags "
               "%d, placed %d, mask %d bias %d alibi %d sinks %d softcap %g weights %d, queries %s, keys form %d, "
               "page %lld%s%s%s; samples",
               (unsigned long long)c->seed, (long long)c->batch, (long long)c->heads, (long long)c->kv_heads,
               (long long)c->head_dim, (long long)c->value_dim, c->query_type, c->key_type, c->value_type,
               c->output_type, c->index_type, (long long)c->key_groups, (long long)c->value_groups, c->flags, c->placed,
               c->mask, c->bias, c->alibi, c->sinks, (double)c->softcap, c->weights,
               c->ragged_queries ? "ragged" : "dense", (int)c->form, (long long)c->page_size,
               c->by_token ? " by token" : "", c->shuffled ? " shuffled" : "", c->together ? " together" : "");
  for (int64_t b = 0; b < c->batch && used > 0 && (size_t)used < size; b++) {
    used += snprintf(text + used, size - (size_t)used, " %lldx%lld", (long long)c->queries[b], (long long)c->keys[b]);
  }
}
