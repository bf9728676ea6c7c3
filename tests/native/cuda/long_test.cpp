// SPDX-License-Identifier: Apache-2.0
// Sums over very many keys, in every attention kernel: what a block has after a stretch of keys is added to a total in
// double, so the error does not grow with the number of keys; and the totals' scratch does not grow either.
#include <math.h>
#include <string.h>

#include <memory>
#include <vector>

#include "cuda/sdpa/sdpa.h"
#include "plans.h"
#include "sdpa_case.h"

namespace {

using kernels::sdpa_table;

// Heavy keys weigh 1 and have value 1; light ones weigh 2^-light and have value 2. The heavy keys are the last ones of
// the first stretch: an f32 sum that went on from them would swallow every light key after them.
struct mixture {
  int64_t heavy;
  int light;
};
// A single heavy key beside weights that no f16 holds; and several.
constexpr mixture apart = {1, 31}, near = {32, 24};

// With this scale a score is an exponent of 2.
constexpr float to_power = 0.693147180559945f;

struct answer {
  double output, lse;
};

answer fill(sdpa_tensors *t, const rapt_sdpa &c, const mixture &of, int64_t stretch) {
  for (tensor *all : {&t->query, &t->key, &t->value}) all->each([&](int64_t i) { all->set(i, 0); });
  for (int64_t b = 0; b < c.batch; b++) {
    for (int64_t h = 0; h < c.query_heads; h++) {
      for (int64_t i = 0; i < c.query_len; i++) t->query.set(t->query.index(b, h, i), 1);
    }
    for (int64_t h = 0; h < c.kv_heads; h++) {
      for (int64_t j = 0; j < c.kv_len; j++) {
        bool heavy = j >= stretch - of.heavy && j < stretch;
        t->key.set(t->key.index(b, h, j), heavy ? 0 : static_cast<float>(-of.light));
        for (int64_t d = 0; d < c.value_dim; d++) t->value.set(t->value.index(b, h, j, d), heavy ? 1 : 2);
      }
    }
  }
  double weight = exp(static_cast<double>(to_power) * -of.light), heavy = static_cast<double>(of.heavy);
  double light = weight * static_cast<double>(c.kv_len - of.heavy), sum = heavy + light;
  return {(heavy + 2 * light) / sum, log(sum)};
}

void launch(const rapt_sdpa_problem &problem, const rapt_cuda_sdpa &plan) {
  std::vector<double> scratch(static_cast<size_t>(plan.scratch) / sizeof(double) + 8, static_cast<double>(NAN));
  void *begin = scratch.data();
  size_t room = scratch.size() * sizeof(double);
  int error =
      rapt_cuda_launch_sdpa(plan, problem, std::align(64, static_cast<size_t>(plan.scratch), begin, room), nullptr);
  CHECK(error == 0, "launch failed with %d", error);
}

// A constant times half a unit of f32, in which no number of keys appears.
constexpr double most = 8 * 0x1p-24;

void expect(const char *what, const tensor &t, double wanted) {
  double worst = 0;
  t.each([&](int64_t i) {
    double distance = fabs(static_cast<double>(t.get(i)) - wanted);
    if (!(distance <= worst)) worst = distance;
  });
  CHECK(worst <= most * fmax(1, wanted), "%s is off by %.1f units of 2^-24 from %.9g", what, worst * 0x1p24, wanted);
}

// One kernel with keys for two whole stretches and a part of one; `splits` as planned, or all keys in one.
void check_kernel(int32_t kernel, int32_t type, bool splits, const mixture &of) {
  kernels::sdpa_shape shape = kernels::sdpa_shape_of(kernel, type);
  sdpa_case c;
  c.query = c.key = c.value = type;
  c.head_dim = c.value_dim = sdpa_table.of[kernel].bucket != 0 ? sdpa_table.of[kernel].bucket : 8;
  c.kv_len = 2 * shape.stretch + shape.stretch / 4 + 5;
  c.scale = to_power;
  sdpa_tensors t;
  rapt_sdpa_problem problem;
  build(c, &t, &problem);
  answer wanted = fill(&t, problem.call, of, shape.stretch);
  rapt_cuda_sdpa plan;
  check_case(describe(c) + " kernel " + std::to_string(kernel) + (splits ? "" : " in one split"));
  CHECK(rapt_cuda_plan_sdpa(problem, kernel, &plan), "the plan overflows");
  if (!splits) {
    plan.splits = 1;
    plan.chunk = (c.kv_len + shape.keys - 1) / shape.keys * shape.keys;
    CHECK(rapt_cuda_count_sdpa(problem, &plan), "the plan overflows");
  }
  CHECK((plan.splits > 1) == (plan.totals == 0), "%lld splits, %lld totals", static_cast<long long>(plan.splits),
        static_cast<long long>(plan.totals));
  launch(problem, plan);
  expect("output", t.output, wanted.output);
  expect("lse", t.lse, wanted.lse);
}

void every_kernel() {
  for (int32_t kernel = 0; kernel < kernels::sdpa_kernels; kernel++) {
    if (sdpa_table.of[kernel].samples != kernels::sample_kind::alike) continue;
    if (kernel >= kernels::mma_kernels) {
      check_kernel(kernel, RAPT_F32, false, apart);
      check_kernel(kernel, RAPT_F16, false, near);
      if (sdpa_table.of[kernel].decode) check_kernel(kernel, RAPT_F32, true, apart);
      continue;
    }
    for (int32_t type : {RAPT_F16, RAPT_BF16}) {
      // Under a sanitizer one of them.
      if (check_reduced && kernel % 2 != (type == RAPT_BF16)) continue;
      check_kernel(kernel, type, false, type == RAPT_F16 ? apart : near);
    }
    if (sdpa_table.of[kernel].decode) check_kernel(kernel, RAPT_BF16, true, near);
  }
}

// Maxima that move, hidden keys, windows that begin within a stretch, more items than blocks: against the definition.
void options() {
  sdpa_case c;
  c.batch = 2;
  c.heads = 4;
  c.kv_heads = 2;
  c.query_len = 3;
  c.head_dim = 5;
  c.value_dim = 3;
  c.path = "prefill";
  c.spread = 4;
  auto run = [&](int64_t keys, const char *family) {
    for (int option = 0; option < 4; option++) {
      c.family = family;
      c.kv_len = keys;
      c.seed = static_cast<uint64_t>(option + 1);
      c.causal = option == 1;
      c.position = option == 1 ? keys - 700 : keys - 3;
      c.window = option == 2;
      c.window_left = keys - 300;
      c.mask = option == 3 ? 3 : -1;
      c.sinks = option == 3;
      run_case(c);
    }
  };
  run(2 * 4096 + 777, "simt");
  c.batch = c.heads = c.kv_heads = 1;
  c.query_len = 2;
  c.query = c.key = c.value = RAPT_F16;
  c.head_dim = c.value_dim = 8;
  run(2 * 16384 + 777, "mma");
}

// What a plan needs is the same from some length on.
void scratch() {
  for (int32_t kernel = 0; kernel < kernels::sdpa_kernels; kernel++) {
    check_case("scratch of kernel " + std::to_string(kernel));
    bool decode = sdpa_table.of[kernel].decode;
    rapt_cuda_sdpa plans[3];
    for (int i = 0; i < 3; i++) {
      int64_t factor = int64_t{1} << 10 * i;
      rapt_sdpa_problem problem = {};
      problem.call.query.dtype = RAPT_F16;
      problem.call.batch = 1;
      problem.call.query_heads = problem.call.kv_heads = 8;
      problem.call.query_len = decode ? 1 : (1 << 15) * factor;
      problem.call.kv_len = (1 << 23) * factor;
      problem.call.head_dim = problem.call.value_dim = 64;
      rapt_sdpa_derive(&problem);
      CHECK(rapt_cuda_plan_sdpa(problem, kernel, &plans[i]), "the plan overflows");
      CHECK(plans[i].totals > 0 && plans[i].scratch == plans[0].scratch, "%lld bytes for %lld times as many keys",
            static_cast<long long>(plans[i].scratch), static_cast<long long>(factor));
      CHECK(plans[i].scratch <= 132 << 20, "%lld bytes", static_cast<long long>(plans[i].scratch));
    }
  }
}

}  // namespace

int main(int count, char **arguments) {
  rapt_cuda_prepare_sdpa(hopper);
  const char *suite = count > 1 ? arguments[1] : "kernels";
  if (strcmp(suite, "kernels") == 0) every_kernel();
  if (strcmp(suite, "options") == 0) options();
  if (strcmp(suite, "scratch") == 0) scratch();
  return check_finish(suite);
}
