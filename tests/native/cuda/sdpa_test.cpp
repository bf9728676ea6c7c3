// SPDX-License-Identifier: Apache-2.0
// The attention kernels on the host, by suite: sdpa_test <suite>.
#include "cuda/sdpa/sdpa.h"

#include <math.h>
#include <string.h>

#include <memory>
#include <vector>

#include "plans.h"
#include "sdpa_case.h"

namespace {

constexpr int32_t types[] = {RAPT_F32, RAPT_F16, RAPT_BF16};

void set_types(sdpa_case *c, int32_t type) { c->query = c->key = c->value = c->output = type; }

// Around every tile edge of the general kernels: 64 x 64 and 16 x 128, 32 dimensions, 128 values, splits of 256.
void sizes_suite() {
  const int64_t lengths[][2] = {{1, 1},   {1, 127}, {1, 128}, {3, 129},  {5, 300},
                                {17, 63}, {63, 64}, {64, 65}, {65, 130}, {2, 0}};
  const int64_t dims[][2] = {{1, 1}, {31, 33}, {32, 128}, {33, 129}, {64, 64}};
  uint64_t seed = 1;
  for (int32_t type : types) {
    for (auto length : lengths) {
      for (auto dim : dims) {
        sdpa_case c;
        set_types(&c, type);
        c.heads = 2;
        c.query_len = length[0];
        c.kv_len = length[1];
        c.head_dim = dim[0];
        c.value_dim = dim[1];
        c.seed = seed++;
        c.family = "simt";
        run_case(c);
      }
    }
  }
  sdpa_case wide;
  wide.query_len = 2;
  wide.kv_len = 9;
  wide.head_dim = wide.value_dim = 1024;
  run_case(wide);
  set_types(&wide, RAPT_BF16);
  wide.query_len = 20;
  run_case(wide);
}

sdpa_case random_case(generator *random, bool decode) {
  sdpa_case c;
  c.seed = random->next();
  c.batch = random->between(1, 2);
  c.kv_heads = random->between(1, 2);
  c.heads = c.kv_heads * random->between(1, 3);
  c.query_len = decode ? random->between(1, 3) : random->between(1, 70);
  c.kv_len = decode ? random->between(1, 700) : random->between(1, 150);
  c.head_dim = random->between(1, 48);
  c.value_dim = random->percent(10) ? random->between(129, 140) : random->between(1, 48);
  int32_t type = types[random->between(0, 2)];
  set_types(&c, type);
  if (random->percent(25)) c.key = types[random->between(0, 2)];
  if (random->percent(25)) c.value = types[random->between(0, 2)];
  if (random->percent(25)) c.output = types[random->between(0, 2)];
  c.bias_type = types[random->between(0, 2)];
  c.causal = random->percent(40);
  c.position = random->percent(60) ? c.kv_len - c.query_len : random->between(-20, 40);
  if (random->percent(5)) c.position = random->percent(50) ? INT64_MAX : INT64_MIN;
  c.window = random->percent(30);
  c.window_left = random->percent(70) ? random->between(0, 60) : -1;
  c.window_right = random->percent(50) ? random->between(0, 60) : -1;
  if (random->percent(5)) c.window_left = INT64_MAX;
  if (random->percent(20)) c.scale = random->percent(70) ? 0.3f : -0.2f;
  if (random->percent(20)) c.softcap = 1.5f;
  if (random->percent(30)) c.mask = static_cast<int>(random->between(0, 15));
  if (random->percent(30)) c.bias = static_cast<int>(random->between(0, 15));
  c.alibi =
      random->percent(20) && c.position > -1000 && c.position < 1000 ? static_cast<int>(random->between(1, 2)) : 0;
  c.sinks = random->percent(25) ? static_cast<int>(random->between(1, 2)) : 0;
  c.lse = random->percent(80);
  if (random->percent(30)) c.weights = static_cast<int>(random->between(0, 3));
  c.weights_type = types[c.seed % 3];
  if (random->percent(20)) c.appended = random->between(0, c.kv_len < 2 ? c.kv_len : 2);
  if (random->percent(20)) c.first_query = random->between(0, 50);
  c.padding = random->percent(20);
  c.layout = static_cast<int>(random->between(0, 4));
  // Raw scores show what is masked, NaN too.
  c.poison = random->percent(40) && c.weights != RAPT_WEIGHTS_RAW && c.weights != RAPT_WEIGHTS_SOFTCAP;
  if (random->percent(15)) c.spread = 40;
  // Any int64 would do, but i32 is to hold it.
  if (random->percent(20) && c.position > -1000 && c.position < 1000) {
    c.positions = static_cast<int>(random->between(1, 2));
  }
  return c;
}

int64_t some_divisor(generator *random, int64_t of) {
  int64_t divisor = random->between(1, of);
  while (of % divisor != 0) divisor--;
  return divisor;
}

// i8 keys, values or both, with any query: the kernels on plain cores take them, also where they are not asked for.
void eight_bit_suite(bool decode) {
  generator random = {decode ? 61u : 62u};
  int count = test_sweep(200, 100, 50);
  for (int i = 0; i < count; i++) {
    sdpa_case c = random_case(&random, decode);
    // A quarter each with i8 in one of them only.
    int64_t which = random.between(0, 3);
    if (random.percent(50)) c.head_dim = c.value_dim = 32 * random.between(1, 4);
    if (which != 1) c.key = RAPT_I8, c.key_groups = some_divisor(&random, c.head_dim);
    if (which != 2) c.value = RAPT_I8, c.value_groups = some_divisor(&random, c.value_dim);
    if (random.percent(30)) c.scales_shared = static_cast<int>(random.between(1, 15));
    if (random.percent(50)) c.family = "simt";
    run_case(c);
  }
}

void random_suite(bool decode) {
  generator random = {decode ? 77u : 78u};
  int count = test_sweep(250, 120, 60);
  for (int i = 0; i < count; i++) {
    sdpa_case c = random_case(&random, decode);
    c.family = "simt";
    run_case(c);
  }
}

// The tensor-core kernels take whole pieces of 8 numbers in rows aligned to 16 bytes.
void tensor_core_suite(bool decode) {
  generator random = {decode ? 91u : 92u};
  int count = test_sweep(150, 80, 40);
  for (int i = 0; i < count; i++) {
    sdpa_case c = random_case(&random, decode);
    set_types(&c, random.percent(50) ? RAPT_F16 : RAPT_BF16);
    if (random.percent(30)) c.output = types[random.between(0, 2)];
    int64_t most = random.percent(50) ? 8 : random.percent(60) ? 16 : 32;
    c.head_dim = 8 * random.between(1, most);
    c.value_dim = random.percent(50) ? c.head_dim : 8 * random.between(1, most);
    if (!decode && random.percent(20)) c.query_len = random.between(60, 140);
    const int aligned[] = {0, 1, 4};
    c.layout = aligned[random.between(0, 2)];
    c.family = "mma";
    if (random.percent(10)) c.path = "prefill";
    run_case(c);
  }
}

// Keys in splits of one to three tiles, where a plan would not split so few, and one to all samples at a time.
void split_suite() {
  generator random = {103};
  int count = test_sweep(200, 80, 40);
  for (int i = 0; i < count; i++) {
    bool decode = random.percent(30), tensor = random.percent(60);
    sdpa_case c = random_case(&random, decode);
    if (tensor) {
      set_types(&c, random.percent(50) ? RAPT_F16 : RAPT_BF16);
      c.head_dim = 8 * random.between(1, random.percent(60) ? 16 : 32);
      c.value_dim = random.percent(50) ? c.head_dim : 8 * random.between(1, 16);
      const int aligned[] = {0, 1, 4};
      c.layout = aligned[random.between(0, 2)];
    }
    // More than the sixteen splits that fewer warps merge.
    if (decode && random.percent(30)) c.kv_len += 64 * 17;
    c.family = tensor ? "mma" : "simt";
    c.path = decode ? nullptr : "prefill";
    c.split_tiles = random.between(1, 3);
    c.samples = random.between(1, c.batch);
    run_case(c);
  }
}

// Splits that plans choose: few tiles of rows over many keys.
void planned_splits() {
  auto run = [](int32_t type, int64_t query_len, int64_t kv_len, auto change) {
    sdpa_case c;
    set_types(&c, type);
    c.heads = 2;
    c.query_len = query_len;
    c.kv_len = kv_len;
    c.head_dim = c.value_dim = 64;
    change(&c);
    run_case(c);
  };
  // 18 rows, and 140: two tiles, which take longer chunks.
  run(RAPT_BF16, 9, 600, [](sdpa_case *c) { c->batch = 2; });
  run(RAPT_F16, 70, 2100,
      [](sdpa_case *c) { c->causal = 1, c->position = c->kv_len - c->query_len, c->head_dim = c->value_dim = 16; });
  run(RAPT_F16, 9, 600, [](sdpa_case *c) { c->batch = 2, c->causal = 1, c->positions = 1, c->position = 100; });
  run(RAPT_BF16, 9, 1300, [](sdpa_case *c) {
    c->causal = c->window = c->poison = 1, c->window_left = 600, c->position = c->kv_len - c->query_len;
  });
  run(RAPT_F32, 9, 600, [](sdpa_case *c) { c->mask = 0, c->sinks = 1; });
  run(RAPT_F32, 9, 600, [](sdpa_case *c) { c->weights = RAPT_WEIGHTS_SOFTMAX, c->causal = 1, c->position = 300; });
}

// The chunks that no row of a tile sees cost nothing: their blocks write no partial result, and none is read.
void unseen_splits() {
  for (int32_t type : {RAPT_F32, RAPT_BF16}) {
    sdpa_case c;
    set_types(&c, type);
    c.query_len = 20;
    c.kv_len = 1100;
    c.head_dim = c.value_dim = 64;
    c.causal = c.positions = 1;
    c.position = 300;
    sdpa_tensors t;
    rapt_sdpa_problem problem;
    rapt_cuda_sdpa plan;
    build(c, &t, &problem);
    rapt_cuda_sdpa_candidates candidates(hopper, problem);
    check_case(describe(c) + " " + name_of(candidates, 0));
    CHECK(rapt_cuda_plan_sdpa(problem, candidates.kernels[0], &plan), "the plan overflows");
    CHECK(plan.splits == 4 && plan.totals == 0, "%lld splits", static_cast<long long>(plan.splits));
    std::vector<float> scratch(static_cast<size_t>(plan.scratch) / sizeof(float) + 16, NAN);
    void *begin = scratch.data();
    size_t room = scratch.size() * sizeof(float);
    std::align(64, static_cast<size_t>(plan.scratch), begin, room);
    CHECK(rapt_cuda_launch_sdpa(plan, problem, begin, nullptr) == 0, "launch failed");
    const float *output = static_cast<const float *>(begin), *maximum = output + 20 * plan.splits * 64;
    for (int64_t n = 0; n < 20 * plan.splits; n++) {
      bool seen = n % plan.splits * plan.chunk < 320;
      CHECK(isnan(maximum[n]) != seen && isnan(output[n * 64]) != seen, "split %lld of row %lld",
            static_cast<long long>(n % plan.splits), static_cast<long long>(n / plan.splits));
    }
  }
}

// A window that ends with the last chunk that is launched: the row behind the tile sees one more, which no block of the
// tile's has taken.
void tight_window() {
  sdpa_case c;
  // A tile of the general kernel, and a row.
  c.query_len = 65;
  c.kv_len = 192;
  c.head_dim = c.value_dim = 8;
  c.causal = c.window = 1;
  c.position = 64;
  c.window_left = 1;
  c.family = "simt";
  // The tile's rows see keys 63 to 127, of chunks 0 and 1, and row 64 the first key of chunk 2.
  c.split_tiles = 1;
  c.splits = 2;
  run_case(c);
}

// Blocks whose rows see no key at all.
void blind_suite() {
  for (int64_t query_len : {2, 70}) {
    sdpa_case c;
    set_types(&c, RAPT_F16);
    c.query_len = query_len;
    c.kv_len = 40;
    c.head_dim = c.value_dim = 64;
    c.causal = 1;
    c.position = -1000;
    c.family = "mma";
    run_case(c);
  }
}

// Each option alone, so that a failure says which.
void options_suite() {
  auto run = [](auto change) {
    for (int32_t type : types) {
      for (int64_t query_len : {3, 70}) {
        sdpa_case c;
        set_types(&c, type);
        c.batch = 2;
        c.heads = 4;
        c.kv_heads = 2;
        c.query_len = query_len;
        c.kv_len = query_len == 3 ? 290 : 100;
        c.head_dim = 40;
        c.value_dim = 24;
        c.poison = 1;
        change(&c);
        run_case(c);
      }
    }
  };
  run([](sdpa_case *) {});
  run([](sdpa_case *c) { c->causal = 1; });
  run([](sdpa_case *c) { c->causal = 1, c->position = -2; });
  run([](sdpa_case *c) { c->causal = 1, c->position = c->kv_len - c->query_len; });
  run([](sdpa_case *c) { c->window = 1, c->window_left = 5, c->window_right = 3; });
  for (int type = 1; type <= 2; type++) {
    run([&](sdpa_case *c) { c->positions = type, c->causal = 1, c->position = c->kv_len - c->query_len - 9; });
    run([&](sdpa_case *c) { c->positions = type, c->window = 1, c->window_left = 5, c->window_right = 3; });
    run([&](sdpa_case *c) { c->positions = type, c->alibi = 1, c->position = 20; });
  }
  run([](sdpa_case *c) { c->scale = 1.25f; });
  run([](sdpa_case *c) { c->scale = -0.5f; });
  run([](sdpa_case *c) { c->softcap = 0.8f; });
  for (int broadcast = 0; broadcast < 16; broadcast += 5) {
    run([&](sdpa_case *c) { c->mask = broadcast; });
    run([&](sdpa_case *c) { c->bias = broadcast; });
  }
  run([](sdpa_case *c) { c->bias = 0, c->bias_type = RAPT_F16; });
  run([](sdpa_case *c) { c->bias = 0, c->bias_type = RAPT_BF16; });
  run([](sdpa_case *c) { c->alibi = 1; });
  run([](sdpa_case *c) { c->sinks = 1; });
  run([](sdpa_case *c) { c->padding = 1; });
  run([](sdpa_case *c) { c->appended = 2, c->causal = 1, c->mask = 0, c->padding = 1; });
  run([](sdpa_case *c) { c->first_query = 7, c->causal = 1; });
  for (int stage = 0; stage < 4; stage++) {
    run([&](sdpa_case *c) { c->weights = stage, c->causal = 1, c->softcap = 2, c->poison = 0; });
    // Scores far apart: weights made from rounded ones would show.
    for (int32_t type : {RAPT_F16, RAPT_BF16}) {
      run([&](sdpa_case *c) {
        c->weights = stage, c->weights_type = type, c->softcap = 20, c->spread = 10, c->poison = 0;
        c->layout = type == RAPT_F16 ? 1 : 3;
      });
    }
  }
  run([](sdpa_case *c) { c->layout = 1; });
  run([](sdpa_case *c) { c->layout = 2; });
  run([](sdpa_case *c) { c->layout = 3; });
}

}  // namespace

int main(int count, char **arguments) {
  rapt_cuda_prepare_sdpa(hopper);
  const char *suite = count > 1 ? arguments[1] : "options";
  if (strcmp(suite, "sizes") == 0) sizes_suite();
  if (strcmp(suite, "options") == 0) options_suite();
  if (strcmp(suite, "mma_prefill") == 0) {
    blind_suite();
    tensor_core_suite(false);
  }
  if (strcmp(suite, "mma_decode") == 0) tensor_core_suite(true);
  if (strcmp(suite, "splits") == 0) {
    unseen_splits();
    planned_splits();
    tight_window();
    split_suite();
  }
  if (strcmp(suite, "prefill") == 0) random_suite(false);
  if (strcmp(suite, "decode") == 0) random_suite(true);
  if (strcmp(suite, "i8_prefill") == 0) eight_bit_suite(false);
  if (strcmp(suite, "i8_decode") == 0) eight_bit_suite(true);
  return check_finish(suite);
}
