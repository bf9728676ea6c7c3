// SPDX-License-Identifier: Apache-2.0
// Equal inputs give equal bits: whatever order threads run in, whatever else is in the batch, however many
// multiprocessors the GPU has.
#include <string.h>

#include <vector>

#include "cuda/linear/linear.h"
#include "cuda/sdpa/sdpa.h"
#include "plans.h"
#include "sdpa_case.h"

namespace {

using bytes = std::vector<unsigned char>;

void move(rapt_tensor *t, int64_t index) {
  if (t->data != nullptr) t->data = static_cast<unsigned char *>(t->data) + index * rapt_element_size(t->dtype);
}

void wipe(const tensor &t) {
  if (t.present()) memset(t.view().data, 0xff, static_cast<size_t>(t.count() * rapt_element_size(t.view().dtype)));
}

// The bytes of one batch entry, in order of the indices.
bytes entry(const tensor &t, int64_t batch) {
  bytes all;
  if (!t.present()) return all;
  int64_t size = rapt_element_size(t.view().dtype);
  const unsigned char *memory = static_cast<const unsigned char *>(t.view().data);
  for (int64_t j = 0; j < t.size()[1]; j++) {
    for (int64_t k = 0; k < t.size()[2]; k++) {
      for (int64_t l = 0; l < t.size()[3]; l++) {
        const unsigned char *at = memory + t.index(batch, j, k, l) * size;
        all.insert(all.end(), at, at + size);
      }
    }
  }
  return all;
}

// Output, LSE and weights of one batch entry.
bytes results_of(const sdpa_tensors &t, int64_t batch) {
  bytes all;
  for (const tensor *part : {&t.output, &t.lse, &t.weights}) {
    bytes some = entry(*part, batch);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

void attend(const sdpa_tensors &t, const rapt_sdpa_problem &problem, const rapt_cuda_sdpa &plan) {
  for (const tensor *part : {&t.output, &t.lse, &t.weights}) wipe(*part);
  void *scratch = nullptr;
  if (posix_memalign(&scratch, 64, static_cast<size_t>(plan.scratch) + 1) != 0) abort();
  memset(scratch, 0xff, static_cast<size_t>(plan.scratch));
  CHECK(rapt_cuda_launch_sdpa(plan, problem, scratch, nullptr) == 0, "launch failed");
  free(scratch);
}

// The problem of one batch entry alone.
rapt_sdpa_problem alone(const rapt_sdpa_problem &problem, int64_t batch) {
  rapt_sdpa_problem p = problem;
  rapt_sdpa &c = p.call;
  c.batch = 1;
  rapt_tensor *tensors[] = {&c.query,        &c.key,   &c.value, &c.output,  &c.mask,     &c.bias,
                            &c.alibi_slopes, &c.sinks, &c.lse,   &c.weights, &c.positions};
  for (rapt_tensor *t : tensors) move(t, batch * t->stride[0]);
  return p;
}

// The best plan, and its name.
rapt_cuda_sdpa plan_of(const rapt_sdpa_problem &problem, int multiprocessors, std::string *name) {
  rapt_cuda_sdpa_candidates candidates({multiprocessors, hopper.shared_per_block_optin}, problem);
  rapt_cuda_sdpa plan;
  CHECK(rapt_cuda_plan_sdpa(problem, candidates.kernels[0], &plan), "the plan overflows");
  *name = name_of(candidates, 0);
  return plan;
}

void check_attention(const sdpa_case &c) {
  sdpa_tensors t;
  rapt_sdpa_problem problem;
  build(c, &t, &problem);
  std::string name, other_name;
  rapt_cuda_sdpa plan = plan_of(problem, 4, &name);
  check_case(describe(c) + " " + name);
  attend(t, problem, plan);
  std::vector<bytes> expected;
  for (int64_t b = 0; b < c.batch; b++) expected.push_back(results_of(t, b));
  attend(t, problem, plan);
  for (int64_t b = 0; b < c.batch; b++) {
    CHECK(results_of(t, b) == expected[static_cast<size_t>(b)], "other bits the second time");
  }
  for (int64_t b = 0; b < c.batch; b++) {
    rapt_sdpa_problem single = alone(problem, b);
    rapt_cuda_sdpa own = plan_of(single, 4, &other_name);
    CHECK(other_name == name, "alone it is %s", other_name.c_str());
    attend(t, single, own);
    CHECK(results_of(t, b) == expected[static_cast<size_t>(b)], "entry %lld alone has other bits",
          static_cast<long long>(b));
  }
  for (int multiprocessors : {1, 108, 132}) {
    rapt_cuda_sdpa other = plan_of(problem, multiprocessors, &other_name);
    CHECK(memcmp(&other, &plan, sizeof plan) == 0, "another plan with %d multiprocessors", multiprocessors);
  }
}

// A sample's position may stand in the options, where the plan sees it, or in a tensor.
void check_position(sdpa_case c) {
  std::vector<bytes> found;
  std::string name;
  c.batch = 1;
  for (int positions : {0, 2}) {
    sdpa_tensors t;
    rapt_sdpa_problem problem;
    c.positions = positions;
    build(c, &t, &problem);
    rapt_cuda_sdpa plan = plan_of(problem, 4, &name);
    check_case(describe(c) + " " + name);
    CHECK(plan.splits > 1, "the keys are not split");
    attend(t, problem, plan);
    found.push_back(results_of(t, 0));
  }
  CHECK(found[0] == found[1], "a position in the options gives other bits than one in a tensor");
}

// Prefill whose keys are split, all samples at a time or fewer.
void check_split_attentions() {
  for (int32_t type : {RAPT_F32, RAPT_BF16}) {
    for (int option = 0; option < 4; option++) {
      sdpa_case c;
      c.query = c.key = c.value = c.output = type;
      c.batch = 3;
      c.heads = 4;
      c.kv_heads = 2;
      c.query_len = 20;
      c.kv_len = 1100;
      c.head_dim = 48;
      c.value_dim = 40;
      c.causal = option > 0;
      c.positions = option == 2 ? 1 : 0;
      c.position = option == 2 ? 200 : c.kv_len - c.query_len;
      c.window = option == 3;
      c.window_left = 800;
      c.seed = static_cast<uint64_t>(1 + option);
      check_attention(c);
      sdpa_tensors t;
      rapt_sdpa_problem problem;
      std::string name;
      build(c, &t, &problem);
      rapt_cuda_sdpa plan = plan_of(problem, 4, &name);
      CHECK(plan.splits > 1, "the keys are not split");
      attend(t, problem, plan);
      std::vector<bytes> expected;
      for (int64_t b = 0; b < c.batch; b++) expected.push_back(results_of(t, b));
      for (plan.samples = 1; plan.samples < c.batch; plan.samples++) {
        CHECK(rapt_cuda_count_sdpa(problem, &plan), "the plan overflows");
        attend(t, problem, plan);
        for (int64_t b = 0; b < c.batch; b++) {
          CHECK(results_of(t, b) == expected[static_cast<size_t>(b)], "%lld samples at a time give other bits",
                static_cast<long long>(plan.samples));
        }
      }
      if (option == 0) continue;
      check_position(c);
      // Much of the keys is beyond the last query.
      c.position = 300;
      check_position(c);
    }
  }
}

void check_attentions() {
  for (int32_t type : {RAPT_F32, RAPT_BF16}) {
    for (int64_t query_len : {1, 3, 50}) {
      for (int option = 0; option < 6; option++) {
        sdpa_case c;
        c.query = c.key = c.value = c.output = type;
        c.batch = 3;
        c.heads = 4;
        c.kv_heads = 2;
        c.query_len = query_len;
        c.kv_len = query_len < 10 ? 700 : 130;
        c.head_dim = 48;
        c.value_dim = 40;
        c.causal = option == 1 || option > 3;
        // The keys that a sample sees are its own, whatever the others' positions.
        c.positions = option > 3 ? option - 3 : 0;
        c.position = c.kv_len - query_len;
        c.mask = option == 2 ? 0 : -1;
        c.sinks = option == 2;
        c.weights = option == 3 ? RAPT_WEIGHTS_SOFTMAX : -1;
        c.seed = static_cast<uint64_t>(1 + option);
        check_attention(c);
      }
    }
  }
}

// More keys than one stretch: the blocks of a launch, which are few here, take turns with their totals.
void check_long_attention() {
  sdpa_case c;
  c.batch = 3;
  c.heads = c.kv_heads = 2;
  c.query_len = 20;
  c.kv_len = 4096 + 200;
  c.head_dim = c.value_dim = 4;
  c.spread = 3;
  check_attention(c);
}

// The rows of one batch entry of a projection, alone and together with the others.
void check_projection(int32_t type) {
  constexpr int64_t batch = 3, rows = 70, features = 72;
  check_case("projection of type " + std::to_string(type));
  generator random = {5};
  tensor input, output, weight;
  input.place(type, {batch, rows, features, 1});
  output.place(type, {batch, rows, features, 1});
  weight.place(type, {features, features, 1, 1});
  for (tensor *t : {&input, &weight}) t->each([&](int64_t i) { t->set(i, random.unit()); });
  rapt_cuda_linear_weights weights = {};
  weights.head.in_features = weights.head.out_features = features;
  weights.dtype = type;
  weights.weight = weight.view().data;
  rapt_product product = {};
  product.weights = &weights.head;
  product.input = input.view();
  product.output = output.view();
  product.batch = batch;
  product.rows = rows;
  std::string name;
  auto project = [&](const rapt_product &p) {
    wipe(output);
    rapt_cuda_linear_candidates candidates(hopper, p);
    rapt_cuda_linear plan;
    name = name_of(candidates, 0);
    CHECK(rapt_cuda_plan_linear(p, candidates.kernels[0], &plan), "the plan overflows");
    CHECK(rapt_cuda_launch_linear(plan, p, nullptr) == 0, "launch failed");
  };
  project(product);
  std::vector<bytes> expected;
  for (int64_t b = 0; b < batch; b++) expected.push_back(entry(output, b));
  for (int64_t b = 0; b < batch; b++) {
    rapt_product single = product;
    single.batch = 1;
    move(&single.input, input.index(b));
    move(&single.output, output.index(b));
    project(single);
    CHECK(entry(output, b) == expected[static_cast<size_t>(b)], "%s: entry %lld alone has other bits", name.c_str(),
          static_cast<long long>(b));
  }
}

}  // namespace

int main() {
  rapt_cuda_prepare_sdpa(hopper);
  rapt_cuda_prepare_linear(hopper);
  check_attentions();
  check_split_attentions();
  check_long_attention();
  check_projection(RAPT_F32);
  check_projection(RAPT_F16);
  return check_finish("bits");
}
