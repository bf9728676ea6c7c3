// SPDX-License-Identifier: Apache-2.0
// The state of the online softmax against the definition in double: in tiles, in parts that are merged, with a sink;
// and what becomes of rows without a key, of scores below every sentinel, of NaN and infinity.
#include "cuda/sdpa/state.h"

#include <float.h>

#include <vector>

#include "check.h"

namespace {

using kernels::exact_power;
using kernels::fast_power;
using kernels::lowest;
using kernels::softmax_result;
using kernels::softmax_state;

using scores = std::vector<float>;

constexpr float scale = 0.7f, to_exponent = scale * 1.44269504088896f;

// A state, and an output whose value of key k is k + 1.
struct row {
  softmax_state state = kernels::begin_softmax();
  float output = 0;
};

template <typename Power>
void update(row *r, const scores &all, size_t first, size_t count) {
  float highest = lowest(), sum = 0, output = 0;
  for (size_t k = first; k < first + count; k++) highest = fmaxf(highest, all[k]);
  kernels::softmax_step step = kernels::raise_maximum<Power>(&r->state, highest, to_exponent);
  for (size_t k = first; k < first + count; k++) {
    float weight = kernels::step_weight<Power, true>(all[k], step, to_exponent);
    CHECK(kernels::is_hidden(weight) == (all[k] == lowest()), "score %g has weight %g", static_cast<double>(all[k]),
          static_cast<double>(weight));
    sum += weight;
    output += weight * static_cast<float>(k + 1);
  }
  kernels::add_weights(&r->state, step, sum);
  r->output = r->output * step.keep + output;
}

template <typename Power>
row in_tiles(const scores &all, size_t first, size_t last, size_t tile) {
  row r;
  for (size_t k = first; k < last; k += tile) update<Power>(&r, all, k, k + tile < last ? tile : last - k);
  return r;
}

row merge(const std::vector<row> &parts) {
  row merged;
  for (const row &part : parts) kernels::merge_maximum(&merged.state, part.state.maximum);
  for (const row &part : parts) {
    float share = kernels::share_of(merged.state, part.state.maximum, to_exponent);
    kernels::merge_sum(&merged.state, part.state.sum, share);
    merged.output += part.output * share;
  }
  return merged;
}

void check_near(const char *what, float got, double wanted, double bound) {
  double x = static_cast<double>(got);
  CHECK(x == wanted || fabs(x - wanted) <= bound || (isnan(x) && isnan(wanted)), "%s is %.9g, not %.9g within %.3g",
        what, x, wanted, bound);
}

// Against the definition; `sink` may be NULL.
void check_row(const row &r, const scores &all, const float *sink) {
  double top = -INFINITY, sum = 0, output = 0;
  for (float s : all) top = fmax(top, static_cast<double>(s) * static_cast<double>(scale));
  bool empty = top == -INFINITY;
  if (sink != nullptr) top = fmax(top, static_cast<double>(*sink));
  for (size_t k = 0; k < all.size() && !empty; k++) {
    double weight = exp(static_cast<double>(all[k]) * static_cast<double>(scale) - top);
    sum += weight;
    output += weight * static_cast<double>(k + 1);
  }
  if (sink != nullptr) sum += exp(static_cast<double>(*sink) - top);
  softmax_result result =
      sink != nullptr ? kernels::finish_softmax(r.state, scale, *sink) : kernels::finish_softmax(r.state, scale);
  // The exponent of a weight is a rounded product of at most a few hundred, and a sum has a rounding per term.
  double rounding = static_cast<double>(FLT_EPSILON) * (static_cast<double>(all.size()) + 400);
  check_near("output", r.output * result.factor, empty ? 0 : output / sum,
             rounding * static_cast<double>(all.size() + 1));
  check_near("lse", result.lse, empty ? -INFINITY : top + log(sum), rounding * (1 + fabs(empty ? 0 : top)));
}

// Tiles of every size, and parts of every size that are merged, some of them without a visible key.
void check_scores(const scores &all) {
  for (size_t tile = 1; tile <= all.size() + 1; tile += 3) {
    row exact = in_tiles<exact_power>(all, 0, all.size(), tile);
    std::vector<row> parts(1);
    for (size_t k = 0; k < all.size(); k += tile) {
      parts.push_back(in_tiles<fast_power>(all, k, k + tile < all.size() ? k + tile : all.size(), 4));
    }
    row merged = merge(parts);
    for (const row &r : {exact, in_tiles<fast_power>(all, 0, all.size(), tile), merged}) {
      check_row(r, all, nullptr);
      for (float sink : {-200.0f, 0.5f, 200.0f, 2000.0f}) check_row(r, all, &sink);
    }
  }
}

void drawn() {
  generator random = {11};
  for (int draw = 0; draw < 40; draw++) {
    check_case("drawn scores " + std::to_string(draw));
    scores all(static_cast<size_t>(random.between(0, 40)));
    float spread = draw % 3 == 0 ? 1 : draw % 3 == 1 ? 30 : 300;
    // The first keys of some rows are hidden: a state may have to stay empty for a while.
    size_t hidden = static_cast<size_t>(random.between(0, 20)) * static_cast<size_t>(draw % 2);
    for (size_t k = 0; k < all.size(); k++) {
      all[k] = k < hidden || random.percent(20) ? lowest() : spread * random.unit();
    }
    check_scores(all);
  }
  check_case("no visible key");
  check_scores(scores(9, lowest()));
}

void far_below() {
  check_case("scores below every finite sentinel");
  scores all(8, -FLT_MAX);
  row r = in_tiles<exact_power>(all, 0, all.size(), 3);
  CHECK(r.state.sum == 8 && r.output == 36, "sum %g, output %g", static_cast<double>(r.state.sum),
        static_cast<double>(r.output));
}

// Infinite inputs give a score of -inf where no key is hidden, and nothing looks for one.
void visible_lowest() {
  check_case("-inf of a visible key");
  softmax_state state = kernels::begin_softmax();
  kernels::softmax_step step = kernels::raise_maximum<fast_power>(&state, lowest(), to_exponent);
  float weight = kernels::step_weight<fast_power, false>(lowest(), step, to_exponent);
  CHECK(weight == 0 && step.keep == 1, "weight %g, keeps %g", static_cast<double>(weight),
        static_cast<double>(step.keep));
}

// One that makes a row NaN does so wherever it stands, also in a part of its own.
void poisons() {
  for (float poison : {NAN, INFINITY}) {
    for (size_t at : {0u, 4u, 9u}) {
      check_case("score " + std::to_string(poison) + " of key " + std::to_string(at));
      scores all(10, 1.0f);
      all[at] = poison;
      row whole = in_tiles<exact_power>(all, 0, 10, 3);
      row merged = merge({row(), in_tiles<exact_power>(all, 0, 5, 1), in_tiles<exact_power>(all, 5, 10, 2)});
      for (const row &r : {whole, merged}) {
        softmax_result result = kernels::finish_softmax(r.state, scale),
                       sunk = kernels::finish_softmax(r.state, scale, 1);
        for (float x : {result.factor, result.lse, sunk.factor, sunk.lse}) {
          CHECK(isnan(x), "%g is no NaN", static_cast<double>(x));
        }
        float hidden = kernels::final_weight(lowest(), r.state.maximum, result.factor, to_exponent);
        CHECK(hidden == 0, "a hidden key has weight %g", static_cast<double>(hidden));
      }
    }
  }
}

}  // namespace

int main() {
  drawn();
  far_below();
  visible_lowest();
  poisons();
  return check_finish("state");
}
