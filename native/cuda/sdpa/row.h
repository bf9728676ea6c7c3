// SPDX-License-Identifier: Apache-2.0
// A query row: which keys it sees, what happens to its scores before the softmax, and how it ends.
#ifndef RAPT_CUDA_SDPA_ROW_H
#define RAPT_CUDA_SDPA_ROW_H

#include "cuda/sdpa/parameters.h"
#include "cuda/sdpa/state.h"
#include "rapt/sdpa.h"

namespace kernels {

// Wide enough for a sum of three int64: positions and windows may be any.
__extension__ typedef __int128 wide;

GPU_FUNCTION int64_t clamp_wide(wide value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : static_cast<int64_t>(value);
}

// Causality and window let a row see keys first <= j < last. Both bounds rise with the query; where a row sees no key,
// first >= last.
struct key_range {
  int64_t first;
  int64_t last;
};

GPU_FUNCTION int64_t covered_keys(const sdpa_problem &p) { return p.call.kv_len - p.appended_keys; }

// The position of a sample's query 0 among the keys.
GPU_FUNCTION int64_t position_of(const sdpa_problem &p, int64_t batch) {
  const tensor &positions = p.call.positions;
  return is_present(positions) ? index_at(positions, batch * positions.stride[0]) : p.call.options.position;
}

// The visible keys of a query in a sample at this position.
GPU_FUNCTION key_range visible_keys(const sdpa_problem &p, int64_t position, int64_t query) {
  const sdpa_options &o = p.call.options;
  int64_t covered = covered_keys(p);
  wide at = static_cast<wide>(position) + p.first_query + query;
  key_range range = {0, covered};
  if ((o.flags & RAPT_CAUSAL) != 0) range.last = clamp_wide(at + 1, 0, range.last);
  if ((o.flags & RAPT_WINDOW) != 0) {
    if (o.window_right >= 0) range.last = clamp_wide(at + o.window_right + 1, 0, range.last);
    if (o.window_left >= 0) range.first = clamp_wide(at - o.window_left, 0, covered);
  }
  return range;
}

// What kernels need of a row for every key; computed once and kept in shared memory.
struct row_state {
  key_range range;
  // Element offsets of key 0.
  int64_t mask;
  int64_t bias;
  int64_t shown;
  // Position among the keys; double is exact as far as ALiBi's f32 distance is.
  double position;
  float slope;
};

GPU_FUNCTION void row_heads(const sdpa_problem &p, int64_t kv_head, int64_t row, int64_t *head, int64_t *query) {
  *query = row / p.group;
  *head = kv_head * p.group + row % p.group;
}

GPU_FUNCTION row_state make_row(const sdpa_problem &p, int64_t batch, int64_t kv_head, int64_t row) {
  const sdpa_call &c = p.call;
  int64_t head, query;
  row_heads(p, kv_head, row, &head, &query);
  int64_t position = position_of(p, batch);
  row_state state;
  state.range = visible_keys(p, position, query);
  state.mask = offset3(c.mask, batch, head, query);
  state.bias = offset3(c.bias, batch, head, query);
  state.shown = offset3(p.shown, batch, head, query);
  state.position = static_cast<double>(static_cast<wide>(position) + p.first_query + query);
  state.slope = !is_present(c.alibi_slopes) ? 0.0f : element(c.alibi_slopes, offset2(c.alibi_slopes, batch, head));
  return state;
}

// The keys that a kernel goes through for rows first_row .. last_row: all that any of them sees, or all keys where
// there is a weights output, which has every key, or appended keys, which lie beyond every edge.
GPU_FUNCTION key_range keys_to_walk(const sdpa_problem &p, int64_t position, int64_t first_row, int64_t last_row) {
  if (is_present(p.call.weights) || p.appended_keys > 0) return {0, p.call.kv_len};
  return {visible_keys(p, position, first_row / p.group).first, visible_keys(p, position, last_row / p.group).last};
}

// Turns a dot product into the score that the softmax takes. Where `writes`, it also writes the score of the weights
// output.
GPU_FUNCTION float final_score(const sdpa_problem &p, const row_state &row, int64_t batch, int64_t j, float score,
                               bool writes) {
  const sdpa_call &c = p.call;
  int32_t stage = writes && is_present(c.weights) ? c.options.weights_stage : -1;
  score *= p.score_scale;
  float shown = score;
  if (c.options.softcap > 0) score = c.options.softcap * tanhf(score / c.options.softcap);
  if (stage == RAPT_WEIGHTS_SOFTCAP) shown = score;
  if (j < covered_keys(p)) {
    if (is_present(c.alibi_slopes)) {
      score -= row.slope * static_cast<float>(fabs(row.position - static_cast<double>(j)));
    }
    // A masked score may be NaN or +inf, so it is replaced by -inf, not added to.
    bool visible = j >= row.range.first && j < row.range.last;
    if (visible && is_present(c.mask)) visible = flag(c.mask, row.mask + j * c.mask.stride[3]);
    if (visible && is_present(p.key_padding)) visible = !flag(p.key_padding, offset2(p.key_padding, batch, j));
    if (visible && is_present(c.bias)) {
      float bias = element(c.bias, row.bias + j * c.bias.stride[3]);
      score = bias == lowest() ? lowest() : score + bias;
    }
    if (!visible) score = lowest();
  }
  // At the softmax stage finish_weights turns these scores into weights, once the row's maximum and sum are known.
  if (stage == RAPT_WEIGHTS_BIAS || stage == RAPT_WEIGHTS_SOFTMAX) shown = score;
  if (stage >= 0) set_element(p.shown, row.shown + j * p.shown.stride[3], shown);
  return score;
}

// Finishes a row's softmax: returns the factor of its output and, where `writes`, writes the LSE.
GPU_FUNCTION float finish_row(const sdpa_problem &p, int64_t batch, int64_t kv_head, int64_t row,
                              const softmax_state &state, bool writes) {
  const sdpa_call &c = p.call;
  int64_t head, query;
  row_heads(p, kv_head, row, &head, &query);
  softmax_result result = is_present(c.sinks)
                              ? finish_softmax(state, p.softmax_scale, element(c.sinks, offset2(c.sinks, batch, head)))
                              : finish_softmax(state, p.softmax_scale);
  if (writes && is_present(c.lse)) static_cast<float *>(c.lse.data)[offset3(c.lse, batch, head, query)] = result.lse;
  return result.factor;
}

GPU_FUNCTION bool finishes_weights(const sdpa_problem &p) {
  return is_present(p.call.weights) && p.call.options.weights_stage == RAPT_WEIGHTS_SOFTMAX;
}

// Turns a row's scores that were written for the weights output into weights; thread `index` of `count` takes its
// share.
GPU_FUNCTION void finish_weights(const sdpa_problem &p, int64_t batch, int64_t kv_head, int64_t row, float maximum,
                                 float factor, int index, int count) {
  const tensor &weights = p.call.weights;
  int64_t head, query;
  row_heads(p, kv_head, row, &head, &query);
  const float *shown = static_cast<const float *>(p.shown.data) + offset3(p.shown, batch, head, query);
  int64_t to = offset3(weights, batch, head, query);
  for (int64_t j = index; j < p.call.kv_len; j += count) {
    float weight = final_weight(shown[j * p.shown.stride[3]], maximum, factor, p.to_exponent);
    set_element(weights, to + j * weights.stride[3], weight);
  }
}

}  // namespace kernels

#endif
