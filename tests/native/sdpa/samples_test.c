// SPDX-License-Identifier: Apache-2.0
// Batches of samples with sizes of their own: each sample has the bits that it has alone, dense, ragged or paged, with
// pages of any size in any order, on every tier and with any number of threads, and nothing else is read or written.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdpa/samples_case.h"
#include "support/check.h"
#include "support/contexts.h"
#include "support/random.h"
#include "support/storage.h"

static samples_memory batch_memory, alone_memory;

static void run(rapt_context *context, const rapt_sdpa *call, const char *what) {
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_sdpa_run(context, call, &error) == RAPT_OK, "%s: %s", what, error.message);
}

// With scratch of exactly the plan's size.
static void run_batch(rapt_context *context, const rapt_sdpa *given) {
  rapt_sdpa call = *given;
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_sdpa_plan(context, &call, &plan, &error) == RAPT_OK, "plan: %s", error.message);
  if (plan.scratch_size < (1 << 26)) {
    call.head.scratch = guard_place(&batch_memory.scratch, ((size_t)plan.scratch_size + 63) & ~(size_t)63, GUARD_END);
    call.head.scratch_size = plan.scratch_size;
  }
  memset(call.output.data, 0xFF, batch_memory.output_bytes);
  if (batch_memory.lse_bytes) memset(call.lse.data, 0xFF, batch_memory.lse_bytes);
  if (batch_memory.weights_bytes) memset(call.weights.data, 0xFF, batch_memory.weights_bytes);
  run(context, &call, "the batch");
}

// Rows of a result of sample b in the batch and alone; where the sample lacks keys, its weights go on behind them.
static void compare(const samples_case *c, const samples_case *alone, int64_t b, const rapt_tensor *in_batch,
                    const rapt_tensor *by_itself, int64_t elements, int64_t missing, const char *what) {
  size_t size = storage_size(in_batch->dtype);
  for (int64_t h = 0; h < c->heads; h++) {
    for (int64_t i = 0; i < c->queries[b]; i++) {
      const unsigned char *row = samples_row(c, in_batch, b, h, i);
      if (elements > 0 && memcmp(row, samples_row(alone, by_itself, 0, h, i), (size_t)elements * size) != 0) {
        CHECK(0, "%s(%lld, %lld, %lld) has other bits than alone", what, (long long)b, (long long)h, (long long)i);
        return;
      }
      for (int64_t j = elements; j < elements + missing; j++) {
        float got = storage_get(row, in_batch->dtype, j), want = c->weights == RAPT_WEIGHTS_SOFTMAX ? 0 : -INFINITY;
        if (got == want) continue;
        CHECK(0, "%s(%lld, %lld, %lld, %lld) is %g; the sample has no such key", what, (long long)b, (long long)h,
              (long long)i, (long long)j, (double)got);
        return;
      }
    }
  }
  check_count();
}

// Elements of no sample keep what they had.
static void check_untouched(const samples_case *c, const rapt_tensor *t, size_t bytes, int64_t elements) {
  if (!c->ragged_queries || bytes == 0) return;
  size_t size = storage_size(t->dtype);
  for (int64_t h = 0; h < c->heads; h++) {
    // The token before the first sample's.
    const unsigned char *row = samples_row(c, t, 0, h, -1);
    for (size_t n = 0; n < (size_t)elements * size; n++) {
      if (row[n] == 0xFF) continue;
      CHECK(0, "a token of no sample was written");
      return;
    }
  }
}

// A result of the batch, kept.
static rapt_tensor keep(const rapt_tensor *t, size_t bytes) {
  rapt_tensor kept = *t;
  kept.data = malloc(bytes + 1);
  if (kept.data == NULL) check_abort("the test cannot allocate %zu bytes", bytes);
  if (bytes > 0) memcpy(kept.data, t->data, bytes);
  return kept;
}

enum { RESULTS = 3 };

static void test(const samples_case *c) {
  int count;
  const tier *tiers = test_tiers(1, &count);
  rapt_tensor kept[MAX_TIERS][THREAD_COUNTS][RESULTS];
  rapt_sdpa call, alone;
  char text[512];
  samples_print(c, text, sizeof text);
  samples_place(c, &batch_memory, &call);
  for (int t = 0; t < count; t++) {
    for (int n = 0; n < THREAD_COUNTS; n++) {
      check_set_case("samples_test, %s, %d threads: %s", rapt_isa_name(tiers[t].isa), (int)thread_counts[n], text);
      run_batch(tiers[t].context[n], &call);
      check_untouched(c, &call.output, batch_memory.output_bytes, c->value_dim);
      check_untouched(c, &call.lse, batch_memory.lse_bytes, 1);
      kept[t][n][0] = keep(&call.output, batch_memory.output_bytes);
      kept[t][n][1] = keep(&call.lse, batch_memory.lse_bytes);
      kept[t][n][2] = keep(&call.weights, batch_memory.weights_bytes);
    }
  }
  samples_case by_itself = *c;
  by_itself.ragged_queries = 0;
  for (int64_t b = 0; b < c->batch; b++) {
    if (c->queries[b] == 0) continue;
    samples_place_alone(c, b, &alone_memory, &alone);
    for (int t = 0; t < count; t++) {
      check_set_case("samples_test, %s: %s", rapt_isa_name(tiers[t].isa), text);
      run(tiers[t].context[b % THREAD_COUNTS], &alone, "a sample alone");
      for (int n = 0; n < THREAD_COUNTS; n++) {
        const rapt_tensor *batch = kept[t][n];
        compare(c, &by_itself, b, &batch[0], &alone.output, c->value_dim, 0, "output");
        if (c->lse) compare(c, &by_itself, b, &batch[1], &alone.lse, 1, 0, "lse");
        if (c->weights < 0) continue;
        compare(c, &by_itself, b, &batch[2], &alone.weights, c->keys[b], call.kv_len - c->keys[b], "weights");
      }
    }
  }
  for (int t = 0; t < count; t++) {
    for (int n = 0; n < THREAD_COUNTS * RESULTS; n++) free(kept[t][n / RESULTS][n % RESULTS].data);
  }
}

#define PICK(r, array) (array)[random_between(r, 0, (int64_t)(sizeof(array) / sizeof(array)[0]) - 1)]

static const int64_t page_sizes[] = {1, 3, 16, 32, 1000};

static samples_case draw(random_state *r, uint64_t seed) {
  static const int32_t floats[] = {RAPT_F32, RAPT_F32, RAPT_F16, RAPT_BF16};
  static const int64_t dims[] = {8, 16, 24, 33, 64, 64, 96, 128};
  samples_case c = {.seed = seed, .batch = random_between(r, 1, MOST_SAMPLES)};
  c.kv_heads = random_between(r, 1, 2);
  c.heads = c.kv_heads * random_between(r, 1, 4);
  c.head_dim = PICK(r, dims);
  c.value_dim = random_percent(r, 70) ? c.head_dim : PICK(r, dims);
  c.query_type = c.key_type = c.value_type = c.output_type = PICK(r, floats);
  if (random_percent(r, 50)) c.output_type = RAPT_F32;
  int eights = random_percent(r, 30);
  if (eights) c.key_type = c.value_type = RAPT_I8;
  c.key_groups = random_percent(r, 60) || c.head_dim % 8 != 0 ? 1 : c.head_dim / 8;
  c.value_groups = random_percent(r, 60) || c.value_dim % 8 != 0 ? 1 : c.value_dim / 8;
  c.index_type = random_percent(r, 50) ? RAPT_I32 : RAPT_I64;
  c.flags = (int32_t)random_between(r, 0, 3) * RAPT_CAUSAL;
  c.placed = (int)random_between(r, 0, 2);
  c.mask = random_percent(r, 15);
  c.bias = random_percent(r, 15);
  c.alibi = random_percent(r, 20);
  c.sinks = random_percent(r, 20);
  c.lse = random_percent(r, 70);
  c.softcap = random_percent(r, 15) ? 2 : 0;
  c.weights = random_percent(r, 20) ? (int32_t)random_between(r, 0, 3) : -1;
  c.ragged_queries = random_percent(r, 60);
  c.form = (enum keys_form)random_between(r, 0, KEYS_FORMS - 1);
  if (random_percent(r, 40)) c.form = KEYS_PAGED;
  c.page_size = PICK(r, page_sizes);
  c.by_token = random_percent(r, 40);
  c.shuffled = random_percent(r, 70);
  c.together = c.form == KEYS_PAGED && c.head_dim == c.value_dim && random_percent(r, 30);
  int64_t queries = random_percent(r, 60) ? random_between(r, 1, 3) : random_between(r, 1, 40);
  int64_t longest = random_percent(r, 8) ? 2500 : random_percent(r, 4) ? 9000 : 260;
  if (longest > 260) c.mask = c.bias = 0, c.weights = -1;
  for (int64_t b = 0; b < c.batch; b++) {
    c.queries[b] = !c.ragged_queries       ? queries
                   : random_percent(r, 60) ? random_between(r, 0, 2)
                                           : random_between(r, 0, 70);
    c.keys[b] = random_percent(r, 30) ? random_between(r, 0, 2) : random_between(r, 0, longest);
  }
  return c;
}

// Pages of every size hold the same decode, whatever their order.
static void test_pages(void) {
  static const int32_t types[][2] = {{RAPT_F32, 1}, {RAPT_F16, 1}, {RAPT_BF16, 1}, {RAPT_I8, 1}, {RAPT_I8, 4}};
  for (int n = 0; n < 5; n++) {
    for (int size = 0; size < 5; size++) {
      for (int way = 0; way < 4; way++) {
        samples_case c = {.seed = 1000 + (uint64_t)n,
                          .batch = 3,
                          .heads = 4,
                          .kv_heads = 2,
                          .head_dim = 64,
                          .value_dim = 64,
                          .queries = {1, 1, 1},
                          .keys = {77, 1300, 32},
                          .query_type = types[n][0] == RAPT_I8 ? RAPT_F32 : types[n][0],
                          .key_type = types[n][0],
                          .value_type = types[n][0],
                          .output_type = RAPT_F32,
                          .index_type = RAPT_I32,
                          .key_groups = types[n][1],
                          .value_groups = types[n][1],
                          .lse = 1,
                          .weights = -1,
                          .form = KEYS_PAGED,
                          .page_size = page_sizes[size],
                          .by_token = way & 1,
                          .shuffled = way >> 1};
        test(&c);
        c.queries[0] = c.queries[1] = c.queries[2] = 20;
        test(&c);
      }
    }
  }
}

int main(int argc, char **argv) {
  check_start();
  random_state r = {5};
  int trials = test_sweep(3000, 200, 30);
  test_pages();
  for (int n = 0; n < trials; n++) {
    samples_case c = draw(&r, (uint64_t)n + 1);
    if (argc > 1 && atoi(argv[1]) != n + 1) continue;
    test(&c);
  }
  return check_finish("samples_test");
}
