// SPDX-License-Identifier: Apache-2.0
// The state of the online softmax (Milakov and Gimelshein 2018) of a query row: maximum and sum over the keys so far.
// It begins empty, is updated with the scores of some keys at a time, and can be merged with the states of other keys.
// Finishing it gives the factor that makes the row's output final, and its LSE. The output itself belongs to the
// kernel, which multiplies it by the factors that these functions return.
//
// All attention kernels use these functions, so that rows without a key, NaN and infinity give the same results in
// each. The operation `merge` does not: its partial results are final ones, which it merges by their LSE, in double.
#ifndef RAPT_CUDA_SDPA_STATE_H
#define RAPT_CUDA_SDPA_STATE_H

#include "cuda/gpu/gpu.h"

namespace kernels {

// The score of a hidden key, and the maximum of a row that has seen no other. It is infinite, because scores of some
// row may be below any finite number.
GPU_FUNCTION float lowest() { return -INFINITY; }

struct softmax_state {
  // The highest score so far, and the sum of weights relative to it. Where threads share a row, each may have the sum
  // over its own keys until they are added up.
  float maximum;
  float sum;
};

// Powers of two, the GPU's only exponential: scores are multiplied by to_exponent, log2(e) times the scale. On plain
// cores weights may be subnormal, as in f32 attention elsewhere.
struct exact_power {
  static GPU_FUNCTION float of(float x) { return exp2f(x); }
};
// Tensor cores take weights as f16 or bf16, for which the approximate instruction is exact enough.
struct fast_power {
  static GPU_FUNCTION float of(float x) { return gpu::fast_exp2(x); }
};

// The weight of a score relative to a maximum. The difference is taken before the product: it is exact where the weight
// is not tiny, however large the scores. A NaN, or the difference of two infinities, makes the weight NaN, and so the
// row.
template <typename Power>
GPU_FUNCTION float weight_of(float score, float maximum, float to_exponent) {
  return Power::of((score - maximum) * to_exponent);
}

// The factor of a sum relative to the old maximum under the new one: exactly 1 where the maximum did not move, also
// where both are -inf, whose difference would be NaN.
template <typename Power>
GPU_FUNCTION float kept(float old_maximum, float new_maximum, float to_exponent) {
  return old_maximum == new_maximum ? 1.0f : weight_of<Power>(old_maximum, new_maximum, to_exponent);
}

// The state of no keys.
GPU_FUNCTION softmax_state begin_softmax() { return {lowest(), 0}; }

// The first half of an update: the highest new score moves the maximum.
struct softmax_step {
  // The factor of the sum and the output so far.
  float keep;
  // The maximum that the new weights are relative to.
  float reference;
};

// `highest` may come from fmaxf, which loses a NaN; the weight of that score makes the sum NaN all the same.
template <typename Power>
GPU_FUNCTION softmax_step raise_maximum(softmax_state *state, float highest, float to_exponent) {
  float before = state->maximum, now = fmaxf(before, highest);
  state->maximum = now;
  // A row without a visible key yet has maximum -inf; any finite reference gives its -inf scores weight 0.
  return {kept<Power>(before, now, to_exponent), now == lowest() ? 0.0f : now};
}

// A hidden key's weight, -0: it adds nothing, and differs from a visible key's weight that rounds to 0. Values of
// hidden keys must be left out of products, as 0 * NaN is NaN.
GPU_FUNCTION float hidden_weight() { return -0.0f; }
GPU_FUNCTION bool is_hidden(float weight) { return weight == 0 && signbit(weight); }

// The weight of a score in this step. HIDES: there may be hidden keys among them.
template <typename Power, bool HIDES>
GPU_FUNCTION float step_weight(float score, const softmax_step &step, float to_exponent) {
  if (HIDES && score == lowest()) return hidden_weight();
  return weight_of<Power>(score, step.reference, to_exponent);
}

// The second half of an update: adds the sum of the new weights.
GPU_FUNCTION void add_weights(softmax_state *state, const softmax_step &step, float sum) {
  state->sum = state->sum * step.keep + sum;
}

// States of different keys are merged in two passes, so that each is scaled once: first the maximum of all, then the
// sums, in ascending order of the keys. A maximum is never NaN: a NaN among the scores is in the sum.
GPU_FUNCTION void merge_maximum(softmax_state *merged, float maximum) {
  merged->maximum = fmaxf(merged->maximum, maximum);
}
// The factor of a state's sum and output in the merged one. It takes exp2f in all kernels, once per row and state.
GPU_FUNCTION float share_of(const softmax_state &merged, float maximum, float to_exponent) {
  return kept<exact_power>(maximum, merged.maximum, to_exponent);
}
GPU_FUNCTION void merge_sum(softmax_state *merged, float sum, float share) { merged->sum += sum * share; }

// The sum over the stretches of keys (total.h) that a row is done with, relative to a maximum.
struct softmax_total {
  double sum;
  float maximum;
};

// Adds a state to its total, which holds nothing yet where `first`, and empties it but for the maximum, which further
// keys go on from. Returns the factor of the output's total. In double, as a total may be scaled thousands of times.
GPU_FUNCTION double end_stretch(bool first, softmax_state *state, softmax_total *total, float to_exponent) {
  double keep = 1;
  if (first) {
    total->sum = 0;
  } else if (total->maximum != state->maximum) {
    double step = static_cast<double>(total->maximum) - static_cast<double>(state->maximum);
    keep = exp2(step * static_cast<double>(to_exponent));
  }
  total->maximum = state->maximum;
  total->sum = total->sum * keep + static_cast<double>(state->sum);
  state->sum = 0;
  return keep;
}

// What makes a row final.
struct softmax_result {
  // The factor of the output, which is relative to the maximum.
  float factor;
  // The natural logarithm of the sum of exp(score * softmax_scale).
  float lse;
};

// A row without a visible key has weights of 0 only, and no logarithm: its factor is 0 and its LSE -inf, whatever the
// sink. In double, so that the LSE is rounded once.
GPU_FUNCTION softmax_result finish_softmax(const softmax_state &state, float softmax_scale) {
  if (state.sum == 0) return {0, lowest()};
  double highest = static_cast<double>(state.maximum) * static_cast<double>(softmax_scale);
  return {1 / state.sum, static_cast<float>(highest + log(static_cast<double>(state.sum)))};
}

// The same with a sink, a logit that is part of the sum only. Where it is above every score, the sum is taken relative
// to it, so that e^sink does not overflow.
GPU_FUNCTION softmax_result finish_softmax(const softmax_state &state, float softmax_scale, float sink) {
  if (state.sum == 0) return {0, lowest()};
  double highest = static_cast<double>(state.maximum) * static_cast<double>(softmax_scale);
  double logit = static_cast<double>(sink), reference = logit > highest ? logit : highest;
  double keep = exp(highest - reference);
  double total = static_cast<double>(state.sum) * keep + exp(logit - reference);
  return {static_cast<float>(keep / total), static_cast<float>(reference + log(total))};
}

// The final weight of a score, for the weights output. 0 for a hidden key even in a row whose maximum or factor is NaN
// or infinite.
GPU_FUNCTION float final_weight(float score, float maximum, float factor, float to_exponent) {
  return score == lowest() ? 0.0f : weight_of<exact_power>(score, maximum, to_exponent) * factor;
}

}  // namespace kernels

#endif
