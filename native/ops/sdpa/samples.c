// SPDX-License-Identifier: Apache-2.0
#include "ops/sdpa/samples.h"

#include <inttypes.h>

#include "base/error.h"

// The tokens of sample b in a ragged tensor of `total`: *first, and how many, at most `most`.
static int64_t tokens_at(const rapt_tensor *starts, int64_t b, int64_t total, int64_t most, int64_t *first) {
  *first = rapt_clamp(rapt_index_at(starts, b, 0), 0, total);
  return rapt_clamp(rapt_index_at(starts, b + 1, 0), *first, *first + rapt_min(most, total - *first)) - *first;
}

rapt_sdpa_sample rapt_sdpa_sample_at(const rapt_sdpa *c, int64_t b) {
  rapt_sdpa_sample s = {.queries = c->query_len, .keys = c->kv_len, .position = c->options.position};
  if (rapt_is_present(&c->query_starts)) {
    s.queries = tokens_at(&c->query_starts, b, c->total_queries, c->query_len, &s.first_query);
  }
  if (rapt_is_present(&c->key_starts)) s.keys = tokens_at(&c->key_starts, b, c->total_keys, c->kv_len, &s.first_key);
  if (rapt_is_present(&c->key_lengths)) s.keys = rapt_clamp(rapt_index_at(&c->key_lengths, b, 0), 0, s.keys);
  if (rapt_is_present(&c->page_table) && c->pages == 0) s.keys = 0;
  if (rapt_is_present(&c->positions)) s.position = rapt_index_at(&c->positions, b, 0);
  if ((c->options.flags & RAPT_BOTTOM_RIGHT) != 0) s.position = s.keys - s.queries;
  return s;
}

static rapt_status check_starts(const char *name, const rapt_tensor *starts, int64_t batch, int64_t total,
                                const char *most_name, int64_t most, rapt_error *error) {
  if (!rapt_is_present(starts)) return RAPT_OK;
  int64_t before = 0;
  for (int64_t b = 0; b <= batch; b++) {
    int64_t start = rapt_index_at(starts, b, 0);
    if (start < before || start > total) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s(%" PRId64 ") is %" PRId64 "; allowed: %" PRId64 " to %" PRId64,
                       name, b, start, before, total);
    }
    if (b > 0 && start - before > most) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                       "%s(%" PRId64 ") is %" PRId64 ", %" PRId64
                       " behind the one before it; allowed: 0 to %s, %" PRId64,
                       name, b, start, start - before, most_name, most);
    }
    before = start;
  }
  return RAPT_OK;
}

static rapt_status check_pages(const rapt_sdpa *c, int64_t b, int64_t keys, rapt_error *error) {
  for (int64_t n = 0; n < rapt_ceil_div(keys, c->page_size); n++) {
    int64_t page = rapt_index_at(&c->page_table, b, n);
    if (page >= 0 && page < c->pages) continue;
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "page_table(%" PRId64 ", %" PRId64 ") is %" PRId64 "; allowed: 0 to %" PRId64, b, n, page,
                     c->pages - 1);
  }
  return RAPT_OK;
}

rapt_status rapt_sdpa_check_samples(const rapt_sdpa *c, rapt_error *error) {
  RAPT_CHECK(
      check_starts("query_starts", &c->query_starts, c->batch, c->total_queries, "query_len", c->query_len, error));
  RAPT_CHECK(check_starts("key_starts", &c->key_starts, c->batch, c->total_keys, "kv_len", c->kv_len, error));
  if (!rapt_is_present(&c->key_lengths)) return RAPT_OK;
  for (int64_t b = 0; b < c->batch; b++) {
    int64_t keys = rapt_index_at(&c->key_lengths, b, 0), most = c->kv_len;
    if (rapt_is_present(&c->key_starts)) {
      most = rapt_index_at(&c->key_starts, b + 1, 0) - rapt_index_at(&c->key_starts, b, 0);
    }
    if (rapt_is_present(&c->page_table) && c->pages == 0) most = 0;
    if (keys < 0 || keys > most) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT, "key_lengths(%" PRId64 ") is %" PRId64 "; allowed: 0 to %" PRId64,
                       b, keys, most);
    }
    if (rapt_is_present(&c->page_table)) RAPT_CHECK(check_pages(c, b, keys, error));
  }
  return RAPT_OK;
}

// Moves a tensor, if it is there, to its part of a sample.
static void move(rapt_tensor *t, int64_t i0, int64_t i2) {
  if (t->data != NULL) t->data = rapt_row(t, i0, 0, i2);
}

void rapt_sdpa_take_sample(const rapt_sdpa_problem *batch, int64_t b, const rapt_sdpa_sample *sample,
                           rapt_sdpa_problem *alone) {
  *alone = *batch;
  rapt_sdpa *c = &alone->call;
  const rapt_tensor absent = {.dtype = 0};
  int64_t query_batch = rapt_is_present(&c->query_starts) ? 0 : b, key_batch = rapt_is_present(&c->key_starts) ? 0 : b;
  rapt_tensor *by_query[] = {&c->query, &c->output, &c->lse, &c->weights};
  for (int i = 0; i < 4; i++) move(by_query[i], query_batch, sample->first_query);
  rapt_tensor *by_key[] = {&c->key, &c->value, &c->key_scale, &c->value_scale};
  for (int i = 0; i < 4 && !rapt_is_present(&c->page_table); i++) move(by_key[i], key_batch, sample->first_key);
  rapt_tensor *by_sample[] = {&c->mask, &c->bias, &c->alibi_slopes, &c->sinks, &c->page_table};
  for (int i = 0; i < 5; i++) move(by_sample[i], b, 0);
  c->key_lengths = c->query_starts = c->key_starts = c->positions = absent;
  alone->missing_keys = c->kv_len - sample->keys;
  c->batch = 1;
  c->query_len = sample->queries;
  c->kv_len = sample->keys;
  c->options.position = sample->position;
  c->options.flags &= ~RAPT_BOTTOM_RIGHT;
  alone->rows = alone->group * sample->queries;
}
