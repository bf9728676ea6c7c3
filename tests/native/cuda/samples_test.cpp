// SPDX-License-Identifier: Apache-2.0
// Samples with sizes of their own on plain cores: each has the bits that it has alone, dense, ragged or paged, with
// pages of any size in any order, and nothing outside the tensors' elements is read or written, whatever the indices.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <string>
#include <vector>

#include "check.h"
#include "cuda/sdpa/sdpa.h"
#include "plans.h"
#include "tensors.h"

extern "C" {
#include "sdpa/samples_case.h"
#include "support/storage.h"
}

namespace {

samples_memory batch_memory, alone_memory;

rapt_sdpa_problem problem_of(const rapt_sdpa &call) {
  rapt_sdpa_problem p = {};
  p.call = call;
  if (!rapt_sdpa_varies(&call)) rapt_sdpa_place_options(&p.call.options, call.query_len, call.kv_len);
  rapt_sdpa_derive(&p);
  return p;
}

void launch(const rapt_sdpa_problem &problem, const rapt_cuda_sdpa &plan, guard_buffer *room) {
  void *scratch = guard_place(room, (static_cast<size_t>(plan.scratch) + 63) & ~size_t{63}, GUARD_END);
  CHECK(rapt_cuda_launch_sdpa(plan, problem, scratch, nullptr) == 0, "launch failed");
}

std::string run_batch(const rapt_sdpa &call) {
  rapt_sdpa_problem problem = problem_of(call);
  rapt_cuda_sdpa_candidates candidates(hopper, problem);
  rapt_cuda_sdpa plan;
  CHECK(candidates.count == 1, "%d kernels", candidates.count);
  CHECK(rapt_cuda_plan_sdpa(problem, candidates.kernels[0], &plan), "the plan overflows");
  memset(call.output.data, 0xff, batch_memory.output_bytes);
  if (batch_memory.lse_bytes > 0) memset(call.lse.data, 0xff, batch_memory.lse_bytes);
  if (batch_memory.weights_bytes > 0) memset(call.weights.data, 0xff, batch_memory.weights_bytes);
  launch(problem, plan, &batch_memory.scratch);
  return name_of(candidates, 0);
}

// On plain cores, with its keys in one piece.
void run_alone(const rapt_sdpa &call) {
  rapt_sdpa_problem problem = problem_of(call);
  rapt_cuda_sdpa plan;
  int32_t kernel = problem.rows <= kernels::few_rows ? kernels::simt_decode : kernels::simt_prefill;
  CHECK(rapt_cuda_plan_sdpa(problem, kernel, &plan), "the plan overflows");
  int64_t tile = kernels::sdpa_shape_of(kernel, call.query.dtype).keys;
  plan.splits = 1;
  plan.chunk = (call.kv_len / tile + 1) * tile;
  CHECK(rapt_cuda_count_sdpa(problem, &plan), "the plan overflows");
  launch(problem, plan, &alone_memory.scratch);
}

// Rows of a result of sample b in the batch and alone; where the sample lacks keys, its weights go on behind them.
void compare(const samples_case &c, const samples_case &alone, int64_t b, const rapt_tensor &in_batch,
             const rapt_tensor &by_itself, int64_t elements, int64_t missing, const char *what) {
  size_t size = storage_size(in_batch.dtype);
  for (int64_t h = 0; h < c.heads; h++) {
    for (int64_t i = 0; i < c.queries[b]; i++) {
      const unsigned char *row = samples_row(&c, &in_batch, b, h, i);
      const unsigned char *wanted = samples_row(&alone, &by_itself, 0, h, i);
      CHECK(elements == 0 || memcmp(row, wanted, static_cast<size_t>(elements) * size) == 0,
            "%s(%d, %d, %d) has other bits than alone", what, static_cast<int>(b), static_cast<int>(h),
            static_cast<int>(i));
      for (int64_t j = elements; j < elements + missing; j++) {
        float got = storage_get(row, in_batch.dtype, j), none = c.weights == RAPT_WEIGHTS_SOFTMAX ? 0 : -INFINITY;
        CHECK(got == none, "%s(%d, %d, %d, %d) is %g; the sample has no such key", what, static_cast<int>(b),
              static_cast<int>(h), static_cast<int>(i), static_cast<int>(j), static_cast<double>(got));
      }
    }
  }
}

// The token before the first sample's keeps what it had.
void check_untouched(const samples_case &c, const rapt_tensor &t, size_t bytes, int64_t elements) {
  if (c.ragged_queries == 0 || bytes == 0) return;
  for (int64_t h = 0; h < c.heads; h++) {
    const unsigned char *row = samples_row(&c, &t, 0, h, -1);
    int64_t written = 0;
    for (size_t n = 0; n < static_cast<size_t>(elements) * storage_size(t.dtype); n++) written += row[n] != 0xff;
    CHECK(written == 0, "a token of no sample was written");
  }
}

void describe(const samples_case &c) {
  char text[512];
  samples_print(&c, text, sizeof text);
  check_case(text);
}

void test(const samples_case &c) {
  rapt_sdpa call, alone;
  describe(c);
  samples_place(&c, &batch_memory, &call);
  std::string name = run_batch(call);
  CHECK(name.compare(0, 11, "sdpa_mixed_") == 0 && (name.find("_paged") != std::string::npos) == (c.form == KEYS_PAGED),
        "it is %s", name.c_str());
  check_untouched(c, call.output, batch_memory.output_bytes, c.value_dim);
  check_untouched(c, call.lse, batch_memory.lse_bytes, 1);
  check_untouched(c, call.weights, batch_memory.weights_bytes, call.kv_len);
  samples_case by_itself = c;
  by_itself.ragged_queries = 0;
  for (int64_t b = 0; b < c.batch; b++) {
    if (c.queries[b] == 0) continue;
    samples_place_alone(&c, b, &alone_memory, &alone);
    run_alone(alone);
    compare(c, by_itself, b, call.output, alone.output, c.value_dim, 0, "output");
    if (c.lse != 0) compare(c, by_itself, b, call.lse, alone.lse, 1, 0, "lse");
    if (c.weights < 0) continue;
    compare(c, by_itself, b, call.weights, alone.weights, c.keys[b], call.kv_len - c.keys[b], "weights");
  }
}

template <typename T, size_t N>
T pick(generator *random, const T (&of)[N]) {
  return of[random->between(0, static_cast<int64_t>(N) - 1)];
}

samples_case draw(generator *random, uint64_t seed) {
  const int32_t floats[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
  const int64_t dims[] = {8, 24, 33, 64, 136}, page_sizes[] = {1, 3, 16, 32, 1000};
  samples_case c = {};
  c.seed = seed;
  c.batch = random->between(1, 4);
  c.kv_heads = random->between(1, 2);
  c.heads = c.kv_heads * random->between(1, 3);
  c.head_dim = pick(random, dims);
  c.value_dim = random->percent(70) ? c.head_dim : pick(random, dims);
  c.query_type = c.key_type = c.value_type = c.output_type = pick(random, floats);
  if (random->percent(50)) c.output_type = RAPT_F32;
  if (random->percent(25)) c.key_type = c.value_type = RAPT_I8;
  c.key_groups = c.head_dim % 8 != 0 || random->percent(60) ? 1 : c.head_dim / 8;
  c.value_groups = c.value_dim % 8 != 0 || random->percent(60) ? 1 : c.value_dim / 8;
  c.index_type = random->percent(50) ? RAPT_I32 : RAPT_I64;
  c.flags = static_cast<int32_t>(random->between(0, 3)) * RAPT_CAUSAL;
  c.placed = static_cast<int>(random->between(0, 2));
  c.mask = random->percent(15);
  c.bias = random->percent(15);
  c.alibi = random->percent(20);
  c.sinks = random->percent(20);
  c.lse = random->percent(70);
  c.softcap = random->percent(15) ? 2 : 0;
  c.weights = random->percent(30) ? static_cast<int32_t>(random->between(0, 3)) : -1;
  c.ragged_queries = random->percent(60);
  c.form = random->percent(40) ? KEYS_PAGED : static_cast<keys_form>(random->between(0, KEYS_FORMS - 1));
  c.page_size = pick(random, page_sizes);
  c.by_token = random->percent(40);
  c.shuffled = random->percent(70);
  c.together = c.form == KEYS_PAGED && c.head_dim == c.value_dim && random->percent(30);
  int64_t queries = random->percent(60) ? random->between(1, 3) : random->between(1, 40);
  for (int64_t b = 0; b < c.batch; b++) {
    c.queries[b] = c.ragged_queries == 0 ? queries
                   : random->percent(60) ? random->between(0, 2)
                                         : random->between(0, 70);
    c.keys[b] = random->percent(30) ? random->between(0, 2) : random->between(0, 260);
  }
  return c;
}

// Long prompts beside single tokens, and keys for more than one stretch.
void mixed() {
  samples_case c = {};
  c.seed = 7;
  c.batch = 4;
  c.heads = c.kv_heads = 1;
  c.head_dim = c.value_dim = 8;
  c.query_type = c.key_type = c.value_type = c.output_type = RAPT_F32;
  c.index_type = RAPT_I32;
  c.key_groups = c.value_groups = 1;
  c.flags = RAPT_CAUSAL;
  c.placed = 1;
  c.lse = 1;
  c.weights = -1;
  c.ragged_queries = 1;
  const int64_t queries[] = {16, 130, 1, 17}, keys[] = {4500, 300, 9000, 129};
  memcpy(c.queries, queries, sizeof queries);
  memcpy(c.keys, keys, sizeof keys);
  for (keys_form form : {KEYS_RAGGED, KEYS_PAGED}) {
    c.form = form;
    c.page_size = 32;
    c.shuffled = 1;
    test(c);
  }
}

samples_case small(keys_form form) {
  samples_case c = {};
  c.seed = 3;
  c.batch = 3;
  c.heads = 2;
  c.kv_heads = 1;
  c.head_dim = c.value_dim = 8;
  c.query_type = c.key_type = c.value_type = c.output_type = RAPT_F32;
  c.index_type = RAPT_I64;
  c.key_groups = c.value_groups = 1;
  c.weights = -1;
  c.lse = 1;
  c.ragged_queries = 1;
  c.form = form;
  c.page_size = 4;
  const int64_t queries[] = {2, 20, 1}, keys[] = {9, 30, 5};
  memcpy(c.queries, queries, sizeof queries);
  memcpy(c.keys, keys, sizeof keys);
  return c;
}

// A page that does not exist: its sample's rows are NaN, also where only the last key lies in it, and no other's.
void missing_pages() {
  for (int64_t page : {int64_t{-1}, int64_t{1000}, INT64_MIN, INT64_MAX}) {
    for (int64_t number : {0, 2}) {
      samples_case c = small(KEYS_PAGED);
      rapt_sdpa call;
      samples_place(&c, &batch_memory, &call);
      check_case("page " + std::to_string(page));
      static_cast<int64_t *>(call.page_table.data)[number] = page;
      run_batch(call);
      for (int64_t b = 0; b < c.batch; b++) {
        for (int64_t i = 0; i < c.queries[b]; i++) {
          float got = storage_get(samples_row(&c, &call.output, b, 1, i), RAPT_F32, 3);
          CHECK(isnan(got) == (b == 0), "row %d of sample %d is %g", static_cast<int>(i), static_cast<int>(b),
                static_cast<double>(got));
        }
      }
      // Where nobody sees its keys it does not matter.
      call.options.flags = RAPT_CAUSAL | RAPT_WINDOW;
      call.options.position = number == 0 ? 6 : 2;
      call.options.window_left = 1;
      call.options.window_right = 0;
      run_batch(call);
      float got = storage_get(samples_row(&c, &call.output, 0, 1, 0), RAPT_F32, 3);
      CHECK(!isnan(got), "a key that is not seen makes the row NaN");
    }
  }
}

// Whatever the indices are, nothing outside is read or written: guard pages stand behind every tensor. The memory of a
// test's tensors ends with the last key that a sample has: the last sample has most, and pages are of one key.
void wild_indices() {
  generator random = {29};
  for (int n = 0; n < 100; n++) {
    samples_case c = small(pick(&random, {KEYS_RAGGED, KEYS_PAGED, KEYS_DENSE}));
    c.keys[2] = 31;
    c.page_size = 1;
    rapt_sdpa call;
    describe(c);
    samples_place(&c, &batch_memory, &call);
    const int64_t wild[] = {INT64_MIN, -1, 0, 1, 7, 40, 1000, INT64_MAX};
    auto spoil = [&](const rapt_tensor &t, int64_t count) {
      if (t.dtype == 0) return;
      static_cast<int64_t *>(t.data)[random.between(0, count - 1)] = pick(&random, wild);
    };
    spoil(call.query_starts, c.batch + 1);
    spoil(call.key_starts, c.batch + 1);
    spoil(call.key_lengths, c.batch);
    spoil(call.page_table, c.batch * call.max_pages);
    run_batch(call);
  }
}

}  // namespace

int main() {
  rapt_cuda_prepare_sdpa(hopper);
  generator random = {41};
  int count = test_sweep(600, 150, 40);
  for (int n = 0; n < count; n++) test(draw(&random, static_cast<uint64_t>(n) + 1));
  mixed();
  missing_pages();
  wild_indices();
  return check_finish("samples");
}
