// SPDX-License-Identifier: Apache-2.0
// A kernel's run against the definition in double, each number with the error that the bound of all C tests allows it.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "base/arithmetic.h"
#include "cuda/sdpa/sdpa.h"
#include "plans.h"
#include "sdpa_case.h"
#include "support/reference.h"

namespace {

// A tensor as the reference reads it: dense.
struct numbers {
  std::vector<reference_number> element;
  rapt_tensor view = {};
};

size_t place_dense(sizes size, int32_t dtype, rapt_tensor *view) {
  int64_t count = 1;
  for (int d = 3; d >= 0; d--) {
    view->stride[d] = count;
    count *= size[static_cast<size_t>(d)];
  }
  view->dtype = dtype;
  return static_cast<size_t>(count);
}

// Numbers of i8 are their products with the scales, which kernels round. What the tensor lacks of the last size is 0.
void widen(const tensor &t, const tensor &scale, sizes size, numbers *to) {
  if (!t.present()) return;
  // One more, because an empty vector may have no memory.
  to->element.resize(place_dense(size, REFERENCE_NUMBER, &to->view) + 1);
  to->view.data = to->element.data();
  size_t at = 0;
  for (int64_t i = 0; i < size[0]; i++) {
    for (int64_t j = 0; j < size[1]; j++) {
      for (int64_t k = 0; k < size[2]; k++) {
        for (int64_t l = 0; l < size[3]; l++, at++) {
          if (l >= t.size()[3]) continue;
          reference_number x = {static_cast<double>(t.get(t.index(i, j, k, l))), 0};
          if (scale.present()) {
            int64_t group = l / (t.size()[3] / scale.size()[3]);
            x.value *= static_cast<double>(scale.get(scale.index(i, j, k, group)));
            x.error = rounding_of(RAPT_F32) * fabs(x.value);
          }
          to->element[at] = x;
        }
      }
    }
  }
}

// Everything that hides a key, in one mask.
void combine(const sdpa_tensors &t, const rapt_sdpa_problem &p, sizes size, std::vector<unsigned char> *mask,
             rapt_tensor *view) {
  mask->resize(place_dense(size, RAPT_BOOL, view) + 1);
  view->data = mask->data();
  size_t at = 0;
  for (int64_t b = 0; b < size[0]; b++) {
    for (int64_t h = 0; h < size[1]; h++) {
      for (int64_t i = 0; i < size[2]; i++) {
        for (int64_t j = 0; j < size[3]; j++) (*mask)[at++] = visible(t, p, b, h, i, j);
      }
    }
  }
}

struct results {
  std::vector<reference_number> output, lse, weights;
};

// operand: what the kernel rounds the weights to before they meet the values.
results evaluate(const sdpa_tensors &t, const rapt_sdpa_problem &p, double operand) {
  const rapt_sdpa &c = p.call;
  numbers query, key, value, bias, alibi, sinks;
  std::vector<unsigned char> mask;
  std::vector<int64_t> position;
  sizes scores = {c.batch, c.query_heads, c.query_len, c.kv_len};
  rapt_sdpa call = c;
  widen(t.query, {}, t.query.size(), &query);
  widen(t.key, t.key_scale, t.key.size(), &key);
  widen(t.value, t.value_scale, t.value.size(), &value);
  widen(t.bias, {}, scores, &bias);
  widen(t.alibi, {}, t.alibi.size(), &alibi);
  widen(t.sinks, {}, t.sinks.size(), &sinks);
  call.query = query.view;
  call.key = key.view;
  call.value = value.view;
  call.bias = bias.view;
  call.alibi_slopes = alibi.view;
  call.sinks = sinks.view;
  call.mask = {};
  combine(t, p, scores, &mask, &call.mask);
  call.options.flags &= RAPT_SCALE;
  // Beside the mask only ALiBi asks for positions; others may be any int64.
  call.positions = {};
  if (alibi.view.dtype != 0) {
    for (int64_t b = 0; b < c.batch; b++) position.push_back(position_of(t, p, b) + p.first_query);
    call.positions.data = position.data();
    call.positions.stride[0] = 1;
    call.positions.dtype = RAPT_I64;
  }
  results r;
  size_t rows = static_cast<size_t>(c.batch * c.query_heads * c.query_len);
  r.output.resize(rows * static_cast<size_t>(c.value_dim));
  r.lse.resize(rows);
  if (t.weights.present()) r.weights.resize(rows * static_cast<size_t>(c.kv_len));
  reference_rules rules = {p.appended_keys, operand};
  reference_attended to = {r.output.data(), r.lse.data(), r.weights.empty() ? nullptr : r.weights.data()};
  reference_attention_under(&call, &rules, &to);
  return r;
}

bool agrees(int32_t dtype, double got, reference_number wanted) {
  if (isnan(wanted.value)) return isnan(got);
  if (isinf(wanted.value)) return got == wanted.value;
  return fabs(got - wanted.value) <= wanted.error || rounds_to(dtype, got, wanted.value, wanted.error);
}

void compare(const char *name, const tensor &t, const std::vector<reference_number> &expected) {
  size_t n = 0, worst = 0;
  double most = -1, worst_got = 0;
  long bad = 0;
  t.each([&](int64_t index) {
    double got = static_cast<double>(t.get(index));
    const reference_number &wanted = expected[n++];
    if (agrees(t.view().dtype, got, wanted)) return;
    bad++;
    double distance = fabs(got - wanted.value) / wanted.error;
    if (isnan(distance)) distance = INFINITY;
    if (distance <= most) return;
    most = distance;
    worst = n - 1;
    worst_got = got;
  });
  reference_number wanted = bad != 0 ? expected[worst] : reference_number{};
  CHECK(bad == 0, "%s: %ld of %zu wrong, the worst is number %zu: %.9g instead of %.9g, off by %.3g, bound %.3g", name,
        bad, n, worst, worst_got, wanted.value, fabs(worst_got - wanted.value), wanted.error);
}

// Gaps between rows still hold what they were filled with.
void check_gaps(const char *name, const tensor &t) {
  std::vector<bool> used(static_cast<size_t>(t.count()));
  t.each([&](int64_t index) { used[static_cast<size_t>(index)] = true; });
  const unsigned char *bytes = static_cast<const unsigned char *>(t.view().data);
  int64_t size = rapt_element_size(t.view().dtype), damage = 0;
  for (int64_t i = 0; i < t.count() * size; i++) damage += !used[static_cast<size_t>(i / size)] && bytes[i] != 0xff;
  CHECK(damage == 0, "%s: %lld bytes written between the rows", name, static_cast<long long>(damage));
}

// What the plan's name must begin with to be of the case's family and path; empty = anything.
std::string forced_name(const sdpa_case &c, const rapt_sdpa_problem &p) {
  const char *types[] = {"", "f32", "", "f16", "bf16"};
  int eights = (c.key == RAPT_I8) + (c.value == RAPT_I8);
  bool same = eights == 2 || (c.query == c.key && c.key == c.value);
  if (c.family == nullptr && c.path == nullptr) return "";
  std::string name = std::string("sdpa_") + (c.path != nullptr ? c.path : p.rows <= 16 ? "decode" : "prefill");
  if (c.family == nullptr) return name;
  return name + "_" + (same ? types[c.query] : "mixed") + (eights > 0 ? "_i8" : "") + "_cuda_" + c.family;
}

}  // namespace

void run_case(const sdpa_case &c) {
  sdpa_tensors t;
  rapt_sdpa_problem problem;
  check_case(describe(c));
  build(c, &t, &problem);
  rapt_cuda_sdpa_candidates candidates(c.seed % 2 == 0 ? hopper : ampere, problem);
  int chosen = candidate_of(candidates, forced_name(c, problem));
  CHECK(chosen >= 0, "no kernel");
  if (chosen < 0) return;
  rapt_cuda_sdpa plan;
  CHECK(rapt_cuda_plan_sdpa(problem, candidates.kernels[chosen], &plan), "the plan overflows");
  if (c.split_tiles > 0) {
    plan.chunk = c.split_tiles * kernels::sdpa_shape_of(plan.kernel, c.query).keys;
    plan.splits = c.splits > 0 ? c.splits : rapt_max(rapt_ceil_div(c.kv_len, plan.chunk), 1);
    if (c.samples > 0) plan.samples = c.samples;
    CHECK(rapt_cuda_count_sdpa(problem, &plan), "the plan overflows");
  }
  void *scratch = nullptr;
  if (posix_memalign(&scratch, 64, static_cast<size_t>(plan.scratch) + 1) != 0) abort();
  memset(scratch, 0xff, static_cast<size_t>(plan.scratch));
  int error = rapt_cuda_launch_sdpa(plan, problem, scratch, nullptr);
  free(scratch);
  CHECK(error == 0, "launch failed with %d", error);
  results expected = evaluate(t, problem, plan.kernel < kernels::mma_kernels ? rounding_of(c.value) : 0);
  check_case(describe(c) + " " + name_of(candidates, chosen));
  compare("output", t.output, expected.output);
  check_gaps("output", t.output);
  if (t.lse.present()) compare("lse", t.lse, expected.lse);
  if (t.weights.present()) {
    compare("weights", t.weights, expected.weights);
    check_gaps("weights", t.weights);
  }
}
