// SPDX-License-Identifier: Apache-2.0
// The definition, evaluated in double, and twice with every operation rounded to f32 (and the weights of a tensor-core
// kernel to its type): what that costs on these inputs is the yardstick of the bound.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "cuda/sdpa/sdpa.h"
#include "plans.h"
#include "sdpa_case.h"

namespace {

enum class mode { exact, rounded, reversed };

struct results {
  std::vector<double> output, lse, weights;
};

struct evaluation {
  const sdpa_tensors &t;
  const rapt_sdpa_problem &p;
  mode how;
  // What the weights are rounded to before they meet the values.
  int32_t weight_type;
};

double round_if(const evaluation &e, double x) {
  return e.how == mode::exact ? x : static_cast<double>(static_cast<float>(x));
}

int64_t turn(const evaluation &e, int64_t n, int64_t count) { return e.how == mode::reversed ? count - 1 - n : n; }

// Number d of a row of key or value, i8 ones scaled.
double stored(const evaluation &e, const tensor &t, const tensor &scale, int64_t b, int64_t h, int64_t j, int64_t d) {
  double x = static_cast<double>(t.get(t.index(b, h, j, d)));
  if (!scale.present()) return x;
  int64_t group = d / (t.size()[3] / scale.size()[3]);
  return round_if(e, x * static_cast<double>(scale.get(scale.index(b, h, j, group))));
}

double raw_score(const evaluation &e, int64_t b, int64_t h, int64_t i, int64_t j) {
  double sum = 0;
  for (int64_t n = 0; n < e.p.call.head_dim; n++) {
    int64_t d = turn(e, n, e.p.call.head_dim);
    double q = static_cast<double>(e.t.query.get(e.t.query.index(b, h, i, d)));
    double k = stored(e, e.t.key, e.t.key_scale, b, h / e.p.group, j, d);
    sum = round_if(e, sum + round_if(e, q * k));
  }
  const rapt_sdpa_options &o = e.p.call.options;
  double scale =
      (o.flags & RAPT_SCALE) != 0 ? static_cast<double>(o.scale) : 1 / sqrt(static_cast<double>(e.p.call.head_dim));
  return round_if(e, sum * round_if(e, scale));
}

void row(const evaluation &e, int64_t b, int64_t h, int64_t i, results *r, int64_t at) {
  const rapt_sdpa &c = e.p.call;
  std::vector<double> score(static_cast<size_t>(c.kv_len)), shown(score.size());
  double top = -INFINITY;
  bool poisoned = false;
  for (int64_t j = 0; j < c.kv_len; j++) {
    size_t k = static_cast<size_t>(j);
    double s = raw_score(e, b, h, i, j);
    if (c.options.weights_stage == RAPT_WEIGHTS_RAW) shown[k] = s;
    double cap = static_cast<double>(c.options.softcap);
    if (cap > 0) s = round_if(e, cap * round_if(e, tanh(round_if(e, s / cap))));
    if (c.options.weights_stage == RAPT_WEIGHTS_SOFTCAP) shown[k] = s;
    if (!visible(e.t, e.p, b, h, i, j)) {
      s = -INFINITY;
    } else if (j < c.kv_len - e.p.appended_keys) {
      if (e.t.alibi.present()) {
        double distance = fabs(static_cast<double>(position_of(e.t, e.p, b) + e.p.first_query + i - j));
        s = round_if(e, s - round_if(e, static_cast<double>(e.t.alibi.get(e.t.alibi.index(b, h))) * distance));
      }
      if (e.t.bias.present()) s = round_if(e, s + static_cast<double>(e.t.bias.get(e.t.bias.index(b, h, i, j))));
    }
    score[k] = s;
    top = fmax(top, s);
    poisoned |= s != s;
  }
  bool empty = top == -INFINITY && !poisoned;
  double sink = e.t.sinks.present() ? static_cast<double>(e.t.sinks.get(e.t.sinks.index(b, h))) : -INFINITY;
  double reference = fmax(top, sink), sum = empty ? 0 : round_if(e, exp(round_if(e, sink - reference)));
  std::vector<double> p(score.size());
  for (size_t k = 0; k < p.size(); k++) {
    p[k] = score[k] == -INFINITY ? 0 : round_if(e, exp(round_if(e, score[k] - reference)));
  }
  for (int64_t n = 0; n < c.kv_len; n++) sum = round_if(e, sum + p[static_cast<size_t>(turn(e, n, c.kv_len))]);
  r->lse[static_cast<size_t>(at)] = empty ? -INFINITY : round_if(e, reference + round_if(e, log(sum)));
  for (int64_t d = 0; d < c.value_dim; d++) {
    double total = 0;
    for (int64_t j = 0; j < c.kv_len; j++) {
      size_t k = static_cast<size_t>(j);
      if (score[k] == -INFINITY) continue;
      double weight = p[k];
      if (e.how != mode::exact) weight = static_cast<double>(rounded_to(e.weight_type, static_cast<float>(weight)));
      double v = stored(e, e.t.value, e.t.value_scale, b, h / e.p.group, j, d);
      total = round_if(e, total + round_if(e, weight * v));
    }
    double result = empty ? 0 : round_if(e, total / sum);
    if (e.how != mode::exact) result = static_cast<double>(rounded_to(c.output.dtype, static_cast<float>(result)));
    r->output[static_cast<size_t>(at * c.value_dim + d)] = result;
  }
  for (size_t k = 0; k < p.size() && !r->weights.empty(); k++) {
    if (c.options.weights_stage == RAPT_WEIGHTS_BIAS) shown[k] = score[k];
    if (c.options.weights_stage == RAPT_WEIGHTS_SOFTMAX) shown[k] = score[k] == -INFINITY ? 0 : round_if(e, p[k] / sum);
    r->weights[static_cast<size_t>(at) * p.size() + k] = shown[k];
  }
}

results evaluate(const evaluation &e) {
  const rapt_sdpa &c = e.p.call;
  results r;
  size_t rows = static_cast<size_t>(c.batch * c.query_heads * c.query_len);
  r.output.resize(rows * static_cast<size_t>(c.value_dim));
  r.lse.resize(rows);
  if (e.t.weights.present()) r.weights.resize(rows * static_cast<size_t>(c.kv_len));
  int64_t at = 0;
  for (int64_t b = 0; b < c.batch; b++) {
    for (int64_t h = 0; h < c.query_heads; h++) {
      for (int64_t i = 0; i < c.query_len; i++, at++) row(e, b, h, i, &r, at);
    }
  }
  return r;
}

// 2 x the largest distance of the rounded evaluations, plus 4 f32 steps of the largest result.
double bound_of(const std::vector<double> &exact, const std::vector<double> &a, const std::vector<double> &b) {
  double distance = 0, size = 1;
  for (size_t i = 0; i < exact.size(); i++) {
    if (!isfinite(exact[i])) continue;
    size = fmax(size, fabs(exact[i]));
    if (isfinite(a[i])) distance = fmax(distance, fabs(a[i] - exact[i]));
    if (isfinite(b[i])) distance = fmax(distance, fabs(b[i] - exact[i]));
  }
  return 2 * distance + 4 * static_cast<double>(FLT_EPSILON) * size;
}

// Whether a 16-bit number is what some number within the bound rounds to: rounding keeps their order.
bool rounds_to(int32_t dtype, double got, double exact, double bound) {
  return static_cast<double>(rounded_to(dtype, static_cast<float>(exact - bound))) <= got &&
         got <= static_cast<double>(rounded_to(dtype, static_cast<float>(exact + bound)));
}

void compare(const char *name, const tensor &t, const std::vector<double> &exact, double bound) {
  size_t n = 0;
  double worst = 0;
  long bad = 0;
  int64_t bad_at = -1, at = 0;
  double got = 0, wanted = 0;
  t.each([&](int64_t index) {
    double x = static_cast<double>(t.get(index)), y = exact[n++];
    bool same = x == y || (x != x && y != y) || fabs(x - y) <= bound || rounds_to(t.view().dtype, x, y, bound);
    double distance = fabs(x - y);
    if (!same && (bad++ == 0 || distance > worst)) {
      worst = distance;
      bad_at = at;
      got = x;
      wanted = y;
    }
    at++;
  });
  CHECK(bad == 0, "%s: %ld of %zu wrong, the worst is number %lld: %.9g instead of %.9g, bound %.3g", name, bad, n,
        static_cast<long long>(bad_at), got, wanted, bound);
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
  void *scratch = nullptr;
  if (posix_memalign(&scratch, 64, static_cast<size_t>(plan.scratch) + 1) != 0) abort();
  memset(scratch, 0xff, static_cast<size_t>(plan.scratch));
  int error = rapt_cuda_launch_sdpa(plan, problem, scratch, nullptr);
  free(scratch);
  CHECK(error == 0, "launch failed with %d", error);
  int32_t weight_type = plan.kernel < kernels::mma_kernels ? c.value : static_cast<int32_t>(RAPT_F32);
  results exact = evaluate({t, problem, mode::exact, RAPT_F32});
  results a = evaluate({t, problem, mode::rounded, weight_type});
  results b = evaluate({t, problem, mode::reversed, weight_type});
  check_case(describe(c) + " " + name_of(candidates, chosen));
  compare("output", t.output, exact.output, bound_of(exact.output, a.output, b.output));
  check_gaps("output", t.output);
  if (t.lse.present()) compare("lse", t.lse, exact.lse, bound_of(exact.lse, a.lse, b.lse));
  if (t.weights.present()) {
    compare("weights", t.weights, exact.weights, bound_of(exact.weights, a.weights, b.weights));
    check_gaps("weights", t.weights);
  }
}
