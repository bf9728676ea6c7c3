// SPDX-License-Identifier: Apache-2.0
// How plans split keys over blocks: no launches.
#include "cuda/sdpa/splits.h"

#include <string.h>

#include "check.h"
#include "cuda/sdpa/sdpa.h"
#include "plans.h"
#include "tensors.h"

namespace {

struct sizes_of {
  int64_t batch, heads, kv_heads, query_len, kv_len, dim;
};

rapt_sdpa_problem problem_of(const sizes_of &s) {
  rapt_sdpa_problem p = {};
  rapt_sdpa &c = p.call;
  int64_t row = s.dim;
  auto place = [&](int64_t heads, int64_t length) {
    rapt_tensor t = {};
    t.data = reinterpret_cast<void *>(uintptr_t{4096});
    t.dtype = RAPT_BF16;
    t.stride[0] = heads * length * row;
    t.stride[1] = length * row;
    t.stride[2] = row;
    t.stride[3] = 1;
    return t;
  };
  c.query = c.output = place(s.heads, s.query_len);
  c.key = c.value = place(s.kv_heads, s.kv_len);
  c.batch = s.batch;
  c.query_heads = s.heads;
  c.kv_heads = s.kv_heads;
  c.query_len = s.query_len;
  c.kv_len = s.kv_len;
  c.head_dim = c.value_dim = s.dim;
  c.options.window_left = c.options.window_right = -1;
  rapt_sdpa_derive(&p);
  return p;
}

rapt_cuda_sdpa plan_of(const rapt_sdpa_problem &p, std::string *name = nullptr) {
  rapt_cuda_sdpa_candidates candidates(hopper, p);
  rapt_cuda_sdpa plan;
  CHECK(rapt_cuda_plan_sdpa(p, candidates.kernels[0], &plan), "the plan overflows");
  char text[rapt_cuda_name_room];
  rapt_cuda_name_sdpa_plan(p, plan, text, sizeof text);
  if (name != nullptr) *name = text;
  return plan;
}

// What the rule is for, and what it leaves alone.
void known_shapes() {
  struct known {
    const char *what;
    sizes_of sizes;
    int64_t splits;
  };
  const known all[] = {
      {"chunked prefill, 128 of 32k", {1, 32, 8, 128, 32768, 128}, 8},
      {"chunked prefill, 512 of 16k", {1, 32, 8, 512, 16384, 128}, 2},
      {"chunked prefill, 2k of 32k", {1, 32, 8, 2048, 32768, 128}, 1},
      {"draft of 5", {1, 32, 8, 5, 4096, 128}, 15},
      {"decode, 32 heads on one kv head, 128k", {1, 32, 1, 1, 131072, 128}, 131},
      {"decode, 16 heads on one kv head, 128k", {1, 16, 1, 1, 131072, 128}, 128},
      {"decode, one kv head, a million keys", {1, 16, 1, 1, 1 << 20, 128}, 256},
      {"decode, 8 kv heads, 128k", {1, 32, 8, 1, 131072, 128}, 33},
      {"decode, short", {1, 32, 8, 1, 512, 128}, 2},
      {"decode, too short", {1, 32, 8, 1, 511, 128}, 1},
      {"prefill", {1, 32, 8, 1024, 1024, 128}, 1},
      {"prefill of one head", {1, 1, 1, 2048, 2048, 128}, 2},
      {"prefill that fills the multiprocessors once", {8, 16, 16, 1024, 1024, 64}, 1},
      {"few keys", {1, 32, 8, 128, 900, 128}, 1},
  };
  for (const known &k : all) {
    std::string name;
    check_case(k.what);
    rapt_cuda_sdpa plan = plan_of(problem_of(k.sizes), &name);
    CHECK(plan.splits == k.splits, "%lld splits of %lld keys instead of %lld", static_cast<long long>(plan.splits),
          static_cast<long long>(plan.chunk), static_cast<long long>(k.splits));
    std::string end = "_d" + std::to_string(k.sizes.dim);
    if (k.splits > 1) end += "_split" + std::to_string(k.splits);
    CHECK(name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0, "named %s",
          name.c_str());
  }
}

// Sizes at which the rule's constants decide.
void borders() {
  struct known {
    const char *what;
    rapt_cuda_split_sizes sizes;
    int64_t chunk;
  };
  const known all[] = {
      {"132 blocks have a multiprocessor each", {66, 1024, 16, 64, 0, false}, 512},
      {"two splits are not worth an eighth", {66, 512, 16, 64, 0, false}, 512},
      {"more than four blocks a multiprocessor", {189, 8192, 128, 48, 0, false}, 2064},
      {"whole tiles, rounded up", {8, 32768, 16, 32, 0, false}, 1024},
      {"as many blocks as there are places", {264, 32768, 128, 48, 0, false}, 32784},
  };
  for (const known &k : all) {
    check_case(k.what);
    int64_t chunk = rapt_cuda_chunk_of(k.sizes);
    CHECK(chunk == k.chunk, "chunks of %lld keys instead of %lld", static_cast<long long>(chunk),
          static_cast<long long>(k.chunk));
  }
}

// Causality and a window: blocks for chunks that no row sees are not launched where the plan knows.
void unseen_chunks() {
  rapt_sdpa_problem p = problem_of({1, 32, 8, 128, 32768, 128});
  p.call.options.flags = RAPT_CAUSAL;
  p.call.options.position = 32768 - 128;
  check_case("the last queries");
  rapt_cuda_sdpa last = plan_of(p);
  CHECK(last.splits == 8, "%lld splits", static_cast<long long>(last.splits));
  check_case("queries in the middle");
  p.call.options.position = 9000;
  rapt_cuda_sdpa middle = plan_of(p);
  CHECK(middle.chunk == last.chunk, "other chunks");
  CHECK(middle.splits == (9000 + 128 + last.chunk - 1) / last.chunk, "%lld splits",
        static_cast<long long>(middle.splits));
  for (int64_t position : {int64_t{-1000}, int64_t{0}, INT64_MIN}) {
    check_case("queries before most keys");
    p.call.options.position = position;
    rapt_cuda_sdpa first = plan_of(p);
    CHECK(first.chunk == last.chunk && first.splits == 2, "%lld splits", static_cast<long long>(first.splits));
  }
  check_case("beyond all keys");
  p.call.options.position = INT64_MAX;
  CHECK(plan_of(p).splits == last.splits, "other splits");
  check_case("a window");
  p.call.options.position = 32768 - 128;
  p.call.options.flags |= RAPT_WINDOW;
  p.call.options.window_left = 4095;
  rapt_cuda_sdpa window = plan_of(p);
  // 4095 keys to the left of the first of a tile's 32 queries, and the queries' own.
  int64_t walked = 4095 + 33;
  CHECK(window.chunk < walked && window.splits == (walked - 1 + window.chunk - 1) / window.chunk + 1,
        "%lld splits of %lld keys", static_cast<long long>(window.splits), static_cast<long long>(window.chunk));
  check_case("a window that is not smaller");
  p.call.options.window_left = INT64_MAX;
  CHECK(plan_of(p).chunk == last.chunk, "other chunks");
}

// Whatever the sizes: chunks of whole tiles, and bounded scratch; the batch changes neither chunks nor splits.
void any_sizes() {
  generator random = {17};
  for (int i = 0; i < 20000; i++) {
    auto power = [&](int most) { return random.between(1, int64_t{1} << random.between(0, most)); };
    int64_t kv_heads = power(6), group = power(4);
    sizes_of s = {1, kv_heads * group, kv_heads, power(12), power(24), 8 * random.between(1, 64)};
    rapt_sdpa_problem p = problem_of(s);
    rapt_cuda_sdpa alone = plan_of(p);
    kernels::sdpa_shape shape = kernels::sdpa_shape_of(alone.kernel, RAPT_BF16);
    check_case("b1 h" + std::to_string(s.heads) + "/" + std::to_string(kv_heads) + " q" + std::to_string(s.query_len) +
               " k" + std::to_string(s.kv_len) + " d" + std::to_string(s.dim));
    CHECK(alone.splits >= 1 && alone.splits <= kernels::most_splits && alone.splits * alone.chunk >= s.kv_len &&
              (alone.splits - 1) * alone.chunk < s.kv_len && alone.chunk % shape.keys == 0,
          "%lld splits of %lld keys", static_cast<long long>(alone.splits), static_cast<long long>(alone.chunk));
    int64_t blocks = kv_heads * alone.row_tiles * alone.value_chunks;
    CHECK(alone.splits == 1 || blocks < 264, "%lld splits of %lld blocks", static_cast<long long>(alone.splits),
          static_cast<long long>(blocks));
    int64_t partials = alone.scratch - alone.totals * shape.totals * static_cast<int64_t>(sizeof(double));
    CHECK(partials <= rapt_cuda_most_partial_bytes, "%lld bytes of partial results", static_cast<long long>(partials));
    p.call.batch = random.between(2, 1000);
    rapt_cuda_sdpa many = plan_of(p);
    CHECK(many.chunk == alone.chunk && many.splits == alone.splits, "a batch is split otherwise");
    partials = many.scratch - many.totals * shape.totals * static_cast<int64_t>(sizeof(double));
    CHECK(partials <= rapt_cuda_most_partial_bytes && (many.splits > 1 || many.samples == p.call.batch),
          "%lld bytes of partial results for %lld samples at a time", static_cast<long long>(partials),
          static_cast<long long>(many.samples));
    p.call.options.flags = RAPT_WINDOW | (random.percent(50) ? RAPT_CAUSAL : 0);
    p.call.options.window_left = power(20);
    p.call.options.window_right = power(8);
    p.call.options.position = s.kv_len - s.query_len;
    rapt_cuda_sdpa window = plan_of(p);
    partials = window.scratch - window.totals * shape.totals * static_cast<int64_t>(sizeof(double));
    CHECK(window.splits <= kernels::most_splits && partials <= rapt_cuda_most_partial_bytes,
          "in a window %lld splits, %lld bytes of partial results", static_cast<long long>(window.splits),
          static_cast<long long>(partials));
  }
  // A window over many keys, which begins within a chunk.
  rapt_sdpa_problem p = problem_of({1, 16, 1, 1, 1 << 22, 128});
  p.call.options.flags = RAPT_WINDOW | RAPT_CAUSAL;
  p.call.options.window_left = (1 << 21) - 1;
  p.call.options.position = (1 << 22) - 1;
  check_case("a window of two million keys");
  CHECK(plan_of(p).splits == 256, "%lld splits", static_cast<long long>(plan_of(p).splits));
}

}  // namespace

int main() {
  known_shapes();
  borders();
  unseen_chunks();
  any_sizes();
  return check_finish("splits");
}
