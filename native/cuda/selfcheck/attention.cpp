// SPDX-License-Identifier: Apache-2.0
#include "cuda/selfcheck/attention.h"

#include <algorithm>
#include <cstdio>

#include "base/arithmetic.h"
#include "cuda/runtime/choice.h"
#include "cuda/sdpa/sdpa.h"
#include "cuda/selfcheck/bound.h"
#include "cuda/selfcheck/sample.h"

namespace {

using kernels::only;
using numbers = std::vector<double>;
using sample = rapt_cuda_sample;

// A problem, and what it takes besides queries, keys and values.
struct shape {
  int64_t batch, kv_heads, group, queries, keys, head_dim, value_dim;
  // Of the query and the output; of keys and values.
  int32_t dtype, kv_dtype;
  bool causal, window, sinks, special;
  // Samples of different lengths; the keys of a page, 0 = none. One kv head.
  bool own = false;
  int64_t page_size = 0;
};

// How many keys a sample has.
int64_t keys_of(const shape &s, int64_t b) { return s.own ? s.keys - 11 * b : s.keys; }

// The sample in whose rows its keys lie: with pages those of another.
int64_t keys_from(const shape &s, int64_t b) { return s.page_size > 0 ? s.batch - 1 - b : b; }

// The position of query 0.
int64_t position_of(const shape &s, int64_t b) { return keys_of(s, b) - s.queries; }

struct tensors {
  sample query, key, key_scale, value, value_scale, output, mask, bias, alibi, sinks, lse, weights;
};

constexpr float softcap = 3;
constexpr int64_t scale_groups = 2;

tensors make(const shape &s) {
  int64_t heads = s.kv_heads * s.group;
  tensors t;
  t.query = sample(s.dtype, {s.batch, heads, s.queries, s.head_dim}, 11);
  t.key = sample(s.kv_dtype, {s.batch, s.kv_heads, s.keys, s.head_dim}, 22);
  t.value = sample(s.kv_dtype, {s.batch, s.kv_heads, s.keys, s.value_dim}, 33);
  if (s.kv_dtype == RAPT_I8) {
    t.key_scale = sample(RAPT_F32, {s.batch, s.kv_heads, s.keys, scale_groups}, 44);
    t.value_scale = sample(RAPT_F32, {s.batch, s.kv_heads, s.keys, scale_groups}, 55);
    for (int64_t i = 0; i < t.key_scale.count(); i++) {
      t.key_scale.set(i, static_cast<float>(1 + i % 3) / 64);
      t.value_scale.set(i, static_cast<float>(1 + i % 5) / 64);
    }
  }
  t.output = sample(s.dtype, {s.batch, heads, s.queries, s.value_dim}, 0);
  t.lse = sample(RAPT_F32, {s.batch, heads, s.queries, 1}, 0);
  if (s.sinks) t.sinks = sample(RAPT_F32, {s.batch, heads, 1, 1}, 66);
  if (!s.special) return t;
  t.bias = sample(s.dtype, {s.batch, heads, s.queries, s.keys}, 77);
  t.alibi = sample(RAPT_F32, {s.batch, heads, 1, 1}, 88);
  for (int64_t i = 0; i < t.alibi.count(); i++) t.alibi.set(i, static_cast<float>(1 + i) / 64);
  t.weights = sample(RAPT_F32, {s.batch, heads, s.queries, s.keys}, 0);
  t.mask = sample(RAPT_BOOL, {s.batch, heads, s.queries, s.keys}, 99);
  for (int64_t i = 0; i < t.mask.count(); i++) {
    // One query sees nothing.
    t.mask.set(i, i % 3 != 1 && i / s.keys % s.queries != 1 ? 1.0f : 0.0f);
  }
  return t;
}

rapt_tensor put_indices(const std::vector<int32_t> &indices, int64_t row, rapt_cuda_room *room) {
  rapt_tensor t = {};
  t.data = room->put(indices.data(), indices.size() * sizeof(int32_t));
  t.dtype = RAPT_I32;
  t.stride[0] = row;
  t.stride[1] = 1;
  return t;
}

// The lengths of samples, ragged queries where there is one head, and pages.
void describe_samples(const shape &s, rapt_sdpa *c, rapt_cuda_room *room) {
  std::vector<int32_t> lengths, starts, table;
  int64_t pages = s.page_size > 0 ? s.keys / s.page_size : 0;
  for (int64_t b = 0; b < s.batch; b++) {
    lengths.push_back(static_cast<int32_t>(keys_of(s, b)));
    starts.push_back(static_cast<int32_t>(b * s.queries));
    for (int64_t n = 0; n < pages; n++) table.push_back(static_cast<int32_t>(keys_from(s, b) * pages + n));
  }
  starts.push_back(static_cast<int32_t>(s.batch * s.queries));
  c->key_lengths = put_indices(lengths, 1, room);
  c->options.position = 0;
  c->options.flags |= RAPT_BOTTOM_RIGHT;
  if (s.group == 1) {
    c->query_starts = put_indices(starts, 1, room);
    c->total_queries = s.batch * s.queries;
  }
  if (pages == 0) return;
  c->page_table = put_indices(table, pages, room);
  c->page_size = s.page_size;
  c->max_pages = pages;
  c->pages = s.batch * pages;
  for (rapt_tensor *t : {&c->key, &c->value, &c->key_scale, &c->value_scale}) t->stride[0] = s.page_size * t->stride[2];
}

rapt_sdpa_problem describe(const shape &s, const tensors &t, rapt_cuda_room *room) {
  rapt_sdpa_problem p = {};
  rapt_sdpa &c = p.call;
  c.query = t.query.put(room);
  c.key = t.key.put(room);
  c.key_scale = t.key_scale.put(room);
  c.value = t.value.put(room);
  c.value_scale = t.value_scale.put(room);
  c.output = t.output.put(room);
  c.mask = t.mask.put(room);
  c.bias = t.bias.put(room);
  c.alibi_slopes = t.alibi.put(room);
  c.sinks = t.sinks.put(room);
  c.lse = t.lse.put(room);
  c.weights = t.weights.put(room);
  c.batch = s.batch;
  c.query_heads = s.kv_heads * s.group;
  c.kv_heads = s.kv_heads;
  c.query_len = s.queries;
  c.kv_len = s.keys;
  c.head_dim = s.head_dim;
  c.value_dim = s.value_dim;
  if (s.kv_dtype == RAPT_I8) c.key_scale_groups = c.value_scale_groups = scale_groups;
  c.options.position = s.keys - s.queries;
  if (s.causal) c.options.flags |= RAPT_CAUSAL;
  if (s.window) c.options.flags |= RAPT_WINDOW;
  c.options.window_left = 21;
  c.options.window_right = 1;
  if (s.special) c.options.softcap = softcap;
  c.options.weights_stage = RAPT_WEIGHTS_SOFTMAX;
  if (s.own) describe_samples(s, &c, room);
  rapt_sdpa_derive(&p);
  return p;
}

// Number d of row j of keys or values.
double stored(const sample &t, const sample &scale, int64_t b, int64_t h, int64_t j, int64_t d, int64_t depth) {
  double x = t.at(t.index(b, h, j, d));
  return scale.present() ? x * scale.at(scale.index(b, h, j, d / (depth / scale_groups))) : x;
}

// The results of one query, with their errors.
struct expectation {
  numbers output, output_error, lse, lse_error, weights, weights_error;
};

// The definition, for one query after another.
class reference {
 public:
  reference(const shape &s, const tensors &t, double operand) : s_(s), t_(t), operand_(operand) {}

  expectation attend() {
    int64_t heads = s_.kv_heads * s_.group;
    for (int64_t b = 0; b < s_.batch; b++) {
      for (int64_t h = 0; h < heads; h++) {
        // A sample's keys and values, and those behind them that it lacks.
        widen(keys_from(s_, b), h / s_.group);
        for (int64_t i = 0; i < s_.queries; i++) attend(b, h, i);
      }
    }
    return all_;
  }

 private:
  bool visible(int64_t b, int64_t h, int64_t i, int64_t j) const {
    int64_t position = position_of(s_, b) + i;
    if (s_.causal && j > position) return false;
    if (s_.window && (j < position - 21 || j > position + 1)) return false;
    return !t_.mask.present() || t_.mask.at(t_.mask.index(b, h, i, j)) != 0;
  }

  // Keys and values of a head as doubles, and how many of their numbers are alike.
  void widen(int64_t b, int64_t h) {
    key_.resize(static_cast<size_t>(s_.keys * s_.head_dim));
    value_.resize(static_cast<size_t>(s_.keys * s_.value_dim));
    key_alike_.clear();
    value_alike_.clear();
    numbers column(static_cast<size_t>(s_.keys));
    for (int64_t j = 0; j < s_.keys; j++) {
      double *row = key_.data() + j * s_.head_dim;
      for (int64_t d = 0; d < s_.head_dim; d++) row[d] = stored(t_.key, t_.key_scale, b, h, j, d, s_.head_dim);
      numbers terms(row, row + s_.head_dim);
      key_alike_.push_back(bound_repeats(terms.data(), s_.head_dim));
    }
    for (int64_t d = 0; d < s_.value_dim; d++) {
      for (int64_t j = 0; j < s_.keys; j++) {
        double x = stored(t_.value, t_.value_scale, b, h, j, d, s_.value_dim);
        value_[static_cast<size_t>(j * s_.value_dim + d)] = column[static_cast<size_t>(j)] = x;
      }
      value_alike_.push_back(bound_repeats(column.data(), s_.keys));
    }
  }

  // The scores of the keys that the query sees, and their errors.
  void look(int64_t b, int64_t h, int64_t i) {
    numbers query(static_cast<size_t>(s_.head_dim)), products(query.size());
    for (size_t d = 0; d < query.size(); d++) query[d] = t_.query.at(t_.query.index(b, h, i, static_cast<int64_t>(d)));
    numbers sorted = query;
    double alike = bound_repeats(sorted.data(), s_.head_dim), scale = 1 / sqrt(static_cast<double>(s_.head_dim));
    seen_.clear();
    score_.clear();
    error_.clear();
    for (int64_t j = 0; j < keys_of(s_, b); j++) {
      if (!visible(b, h, i, j)) continue;
      const double *key = key_.data() + j * s_.head_dim;
      double sum = 0;
      for (size_t d = 0; d < query.size(); d++) sum += products[d] = query[d] * key[d];
      bound_terms terms = {};
      terms.product = bound_sum(products.data(), s_.head_dim, std::min(alike, key_alike_[static_cast<size_t>(j)]), 0);
      terms.scale = scale;
      double score = sum * scale;
      if (s_.special) {
        score = static_cast<double>(softcap) * tanh(score / static_cast<double>(softcap));
        terms.capped = 1;
        terms.score = score;
        double bias = t_.bias.at(t_.bias.index(b, h, i, j));
        double slope = t_.alibi.at(t_.alibi.index(b, h)) * fabs(static_cast<double>(position_of(s_, b) + i - j));
        terms.added = fabs(bias) + slope;
        score += bias - slope;
      } else {
        terms.score = score;
      }
      seen_.push_back(j);
      score_.push_back(score);
      error_.push_back(bound_score(&terms));
    }
  }

  void attend(int64_t b, int64_t h, int64_t i) {
    look(b, h, i);
    size_t seen = seen_.size(), row = all_.lse.size();
    all_.output.resize((row + 1) * static_cast<size_t>(s_.value_dim));
    all_.output_error.resize(all_.output.size());
    if (t_.weights.present()) {
      all_.weights.resize((row + 1) * static_cast<size_t>(s_.keys));
      all_.weights_error.resize(all_.weights.size());
    }
    if (seen == 0) {
      all_.lse.push_back(-INFINITY);
      all_.lse_error.push_back(0);
      return;
    }
    double sink = t_.sinks.present() ? t_.sinks.at(t_.sinks.index(b, h)) : -INFINITY;
    double top = std::max(sink, *std::max_element(score_.begin(), score_.end())), total = exp(sink - top);
    numbers weight(seen), change(seen);
    for (size_t n = 0; n < seen; n++) total += weight[n] = exp(score_[n] - top);
    bound_softmax s = {};
    for (size_t n = 0; n < seen; n++) {
      weight[n] /= total;
      change[n] = bound_change(weight[n], bound_argument(error_[n], top - score_[n]));
    }
    s.keys = static_cast<int64_t>(seen);
    s.weight = weight.data();
    s.change = change.data();
    s.sink = exp(sink - top) / total;
    if (s.sink > 0) s.sink_change = bound_change(s.sink, bound_argument(0, top - sink));
    s.operand = operand_;
    numbers sorted = weight;
    s.repeats = bound_repeats(sorted.data(), s.keys);
    s.roundings = bound_roundings(weight.data(), s.keys);
    s.sum = bound_sum(weight.data(), s.keys, s.repeats, s.roundings);
    s.alike = bound_alike(weight.data(), s.keys, operand_);
    double total_error = bound_total(&s);
    all_.lse.push_back(top + log(total));
    all_.lse_error.push_back(bound_lse(all_.lse.back(), top, total_error));
    add_output(s, row);
    for (size_t n = 0; n < seen && t_.weights.present(); n++) {
      size_t at = row * static_cast<size_t>(s_.keys) + static_cast<size_t>(seen_[n]);
      all_.weights[at] = weight[n];
      all_.weights_error[at] = bound_weight(&s, static_cast<int64_t>(n), total_error);
    }
  }

  void add_output(const bound_softmax &s, size_t row) {
    size_t seen = seen_.size(), dim = static_cast<size_t>(s_.value_dim);
    numbers value(seen), product(seen);
    for (size_t d = 0; d < dim; d++) {
      double sum = 0;
      for (size_t n = 0; n < seen; n++) {
        value[n] = value_[static_cast<size_t>(seen_[n]) * dim + d];
        sum += product[n] = s.weight[n] * value[n];
      }
      bound_column column = {value.data(), product.data(), nullptr, value_alike_[d], sum};
      all_.output[row * dim + d] = sum;
      all_.output_error[row * dim + d] = bound_output(&s, &column);
    }
  }

  const shape &s_;
  const tensors &t_;
  double operand_;
  numbers key_, value_, key_alike_, value_alike_, score_, error_;
  std::vector<int64_t> seen_;
  expectation all_;
};

// The plan of a problem that is too small for splits, with the keys split tile by tile.
void split(const rapt_sdpa_problem &p, rapt_cuda_sdpa *plan) {
  plan->chunk = kernels::sdpa_shape_of(plan->kernel, p.call.query.dtype).keys;
  plan->splits = rapt_ceil_div(p.call.kv_len, plan->chunk);
  rapt_cuda_count_sdpa(p, plan);
}

// One problem of a kernel, which may run in more than one way.
class attempt {
 public:
  attempt(int32_t kernel, const shape &s) : kernel_(kernel), s_(s), tensors_(make(s)) {}

  rapt_cuda_complaint check(bool splits, rapt_cuda_room *room) {
    room->begin();
    tensors &t = tensors_;
    rapt_sdpa_problem p = describe(s_, t, room);
    rapt_cuda_sdpa plan;
    rapt_cuda_plan_sdpa(p, kernel_, &plan);
    if (splits) split(p, &plan);
    void *scratch = plan.scratch > 0 ? room->room_for(static_cast<size_t>(plan.scratch)) : nullptr;
    room->launch([&](gpu_stream stream) { return rapt_cuda_launch_sdpa(plan, p, scratch, stream); });
    rapt_cuda_complaint complaint = room->finish();
    if (!complaint.empty()) return complaint;
    t.output.get(room, p.call.output);
    t.lse.get(room, p.call.lse);
    t.weights.get(room, p.call.weights);
    if (right_.lse.empty()) {
      bool rounds = kernels::sdpa_table.of[kernel_].bucket != 0;
      right_ = reference(s_, t, rounds ? rapt_cuda_unit(s_.dtype) : 0).attend();
    }
    complaint = t.output.compare("the output", right_.output, right_.output_error);
    if (complaint.empty()) complaint = t.lse.compare("LSE", right_.lse, right_.lse_error);
    if (complaint.empty()) complaint = t.weights.compare("the weights", right_.weights, right_.weights_error);
    if (complaint.empty()) return complaint;
    char where[160];
    snprintf(where, sizeof where, " (%d queries, %d keys%s, head dims %d and %d, %s%s%s)", static_cast<int>(s_.queries),
             static_cast<int>(s_.keys), splits ? " in splits" : "", static_cast<int>(s_.head_dim),
             static_cast<int>(s_.value_dim), rapt_dtype_name(s_.dtype), s_.kv_dtype != s_.dtype ? " and " : "",
             s_.kv_dtype != s_.dtype ? rapt_dtype_name(s_.kv_dtype) : "");
    return complaint + where;
  }

 private:
  int32_t kernel_;
  const shape &s_;
  tensors tensors_;
  // Filled by the first way: the definition takes longer than the kernel.
  expectation right_;
};

// What a kernel is tried on.
std::vector<shape> shapes_of(const kernels::sdpa_kernel_traits &t, int32_t dtype) {
  if (t.samples != kernels::sample_kind::alike) {
    int64_t page = t.samples == kernels::sample_kind::pages ? 10 : 0;
    return {{2, 1, 4, 3, 140, 36, 20, RAPT_F32, RAPT_F32, true, false, true, false, true, page},
            {2, 1, 2, 35, 70, 24, 136, RAPT_F16, RAPT_BF16, false, true, true, true, true, page},
            {2, 1, 1, 20, 70, 40, 24, RAPT_BF16, RAPT_I8, true, false, false, false, true, page}};
  }
  if (t.bucket == 0 && t.decode) {
    return {{1, 1, 4, 3, 300, 36, 20, RAPT_F32, RAPT_F32, true, false, true, false},
            {2, 1, 2, 2, 70, 24, 136, RAPT_F16, RAPT_BF16, false, true, true, true},
            {1, 1, 4, 2, 140, 40, 24, RAPT_BF16, RAPT_I8, true, false, false, false}};
  }
  if (t.bucket == 0) {
    return {{1, 1, 2, 35, 70, 36, 20, RAPT_F32, RAPT_F32, true, false, true, false},
            {2, 1, 2, 9, 70, 24, 136, RAPT_F16, RAPT_BF16, false, true, true, true},
            {1, 1, 1, 20, 70, 40, 24, RAPT_BF16, RAPT_I8, true, false, false, false}};
  }
  if (t.decode) {
    return {{1, 1, 4, 3, 300, t.bucket - 8, t.bucket, dtype, dtype, true, false, true, false},
            {2, 1, 2, 2, 70, t.bucket, t.bucket - 16, dtype, dtype, false, true, true, true}};
  }
  bool special = t.special == only::yes;
  // Two tiles of rows, and the keys of two tiles and a part.
  return {{1, 1, 2, special ? 37 : 69, 140, t.bucket - 8, t.bucket, dtype, dtype, true, false, false, special},
          {2, 1, 1, 9, 70, t.bucket, t.bucket - 16, dtype, dtype, false, true, true, special}};
}

}  // namespace

std::string rapt_cuda_attention_name(int32_t kernel, int32_t dtype) {
  const kernels::sdpa_kernel_traits &t = kernels::sdpa_table.of[kernel];
  bool alike = t.samples == kernels::sample_kind::alike;
  std::string path = !alike ? "sdpa_mixed_" : t.decode ? "sdpa_decode_" : "sdpa_prefill_";
  if (t.bucket == 0) return path + "cuda_simt" + (t.samples == kernels::sample_kind::pages ? "_paged" : "");
  return path + rapt_dtype_name(dtype) + "_cuda_mma_d" + std::to_string(t.bucket) +
         (t.special == only::yes ? "_special" : "") + (t.narrow == only::yes ? "_narrow" : "");
}

rapt_cuda_complaint rapt_cuda_check_attention(int32_t kernel, int32_t dtype, rapt_cuda_room *room) {
  const kernels::sdpa_kernel_traits &traits = kernels::sdpa_table.of[kernel];
  std::vector<shape> shapes = shapes_of(traits, dtype);
  bool splits = traits.samples == kernels::sample_kind::alike;
  for (const shape &s : shapes) {
    attempt a(kernel, s);
    rapt_cuda_complaint complaint = a.check(false, room);
    // The first problem in splits, too, where the kernel may have some.
    if (complaint.empty() && splits && &s == &shapes.front()) complaint = a.check(true, room);
    if (!complaint.empty()) return complaint;
  }
  return "";
}
