// SPDX-License-Identifier: Apache-2.0
// The state of the online softmax (Milakov and Gimelshein 2018) of a query row: what the keys so far have come to. It
// begins empty, is updated with the scores of some keys at a time, can be merged with the states of other keys, and is
// finished into the factor that makes the row's output final, and its LSE. The output itself belongs to the kernel,
// which multiplies it with the factors that are returned here.
//
// Every step of every attention kernel is here, so that rows without a key, NaN and infinity come out alike whichever
// kernel a plan names. The operation `merge` does not use it: its partial results are finished ones, which meet by
// their LSE, in double.
#ifndef RAPT_CUDA_SDPA_STATE_H
#define RAPT_CUDA_SDPA_STATE_H

#include "cuda/gpu/gpu.h"

namespace kernels {

// The score of a hidden key, and the maximum of a row that has seen no other. Truly infinite: a finite one would be
// above the scores of some row.
GPU_FUNCTION float lowest() { return -INFINITY; }

struct softmax_state {
  // The highest score so far, and the sum of weights relative to it. Where threads share a row, the sum may be of one
  // thread's keys only, until they add theirs up.
  float maximum;
  float sum;
};

// Powers of two. Scores meet the softmax times to_exponent, log2(e) times the scale: the GPU has no other exponential.
// Plain cores keep subnormal weights, as f32 attention should.
struct exact_power {
  static GPU_FUNCTION float of(float x) { return exp2f(x); }
};
// Tensor cores take weights as f16 or bf16, for which the bare instruction is good enough.
struct fast_power {
  static GPU_FUNCTION float of(float x) { return gpu::fast_exp2(x); }
};

// The weight of a score relative to a maximum. The difference comes first: it is exact where it matters, however large
// the scores. A NaN, and the difference of two infinities, make it NaN, and so the row.
template <typename Power>
GPU_FUNCTION float weight_of(float score, float maximum, float to_exponent) {
  return Power::of((score - maximum) * to_exponent);
}

// How much of what was summed up to the old maximum remains: exactly 1 where it did not move, also where both are -inf,
// whose difference would be NaN.
template <typename Power>
GPU_FUNCTION float kept(float old_maximum, float new_maximum, float to_exponent) {
  return old_maximum == new_maximum ? 1.0f : weight_of<Power>(old_maximum, new_maximum, to_exponent);
}

// No key yet.
GPU_FUNCTION softmax_state begin_softmax() { return {lowest(), 0}; }

// An update begins with the highest of the new scores: it moves the maximum.
struct softmax_step {
  // What the sum and the output so far are to be multiplied with.
  float keep;
  // What the new weights are relative to.
  float reference;
};

// `highest` may come from fmaxf, which loses a NaN: the NaN's own weight brings it back into the sum.
template <typename Power>
GPU_FUNCTION softmax_step raise_maximum(softmax_state *state, float highest, float to_exponent) {
  float before = state->maximum, now = fmaxf(before, highest);
  state->maximum = now;
  // A row without a visible key yet has maximum -inf; any finite reference gives its -inf scores weight 0.
  return {kept<Power>(before, now, to_exponent), now == lowest() ? 0.0f : now};
}

// A hidden key's weight: it adds nothing, and can be told from a weight that is too small for f32. Values of hidden
// keys must be told apart, as 0 * NaN is NaN.
GPU_FUNCTION float hidden_weight() { return -0.0f; }
GPU_FUNCTION bool is_hidden(float weight) { return weight == 0 && signbit(weight); }

// The weight of a score in this step. HIDES: there may be hidden keys among them.
template <typename Power, bool HIDES>
GPU_FUNCTION float step_weight(float score, const softmax_step &step, float to_exponent) {
  if (HIDES && score == lowest()) return hidden_weight();
  return weight_of<Power>(score, step.reference, to_exponent);
}

// An update ends with the sum of the new weights.
GPU_FUNCTION void add_weights(softmax_state *state, const softmax_step &step, float sum) {
  state->sum = state->sum * step.keep + sum;
}

// States of different keys are merged in two passes, so that each is scaled once: first the maximum of all, then the
// sums, in ascending order of the keys. A maximum is never NaN: who has seen one has it in the sum.
GPU_FUNCTION void merge_maximum(softmax_state *merged, float maximum) {
  merged->maximum = fmaxf(merged->maximum, maximum);
}
// What a state's sum and output are worth in the merged one. exp2f on all cores: it happens once per row and state.
GPU_FUNCTION float share_of(const softmax_state &merged, float maximum, float to_exponent) {
  return kept<exact_power>(maximum, merged.maximum, to_exponent);
}
GPU_FUNCTION void merge_sum(softmax_state *merged, float sum, float share) { merged->sum += sum * share; }

// What makes a row final.
struct softmax_result {
  // Of its output, which is relative to its maximum.
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

// The same with a sink, a logit that takes part in the sum only. It may be above every score, and is then what the sum
// is relative to, or e^sink would overflow.
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
