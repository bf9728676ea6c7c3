// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.Device;
import dev.rapt.MultiHeadAttention;
import dev.rapt.MultiHeadAttentionTensors;
import dev.rapt.Tensor;

/** Multi-head attention, with weights that are packed anew for each device. */
final class MhaCall implements ProblemCall {
  private final Problem problem;
  private final MultiHeadAttentionTensors tensors;

  MhaCall(Problem p) {
    problem = p;
    tensors =
        MultiHeadAttentionTensors.builder(
                p.batched("query", 3),
                p.batched("key", 3),
                p.batched("value", 3),
                p.batched("output", 3))
            .mask(p.broadcast("mask"))
            .positions(Scores.positions(p))
            .bias(p.broadcast("bias"))
            .keyPaddingMask(p.batched("padding_mask", 2))
            .alibiSlopes(p.batched("slopes", 0, 2))
            .sinks(p.batched("sinks", 0, 2))
            .lse(p.batched("lse", 3))
            .weights(p.is("average") ? averaged(p.batched("weights", 4)) : p.batched("weights", 4))
            .build();
  }

  /** Without the heads, of which there is one. */
  private static Tensor averaged(Tensor weights) {
    return weights.select(weights.rank() - 3, 0);
  }

  private Tensor weight(String projection) {
    return problem.last(projection + "_weight", 2);
  }

  private Tensor bias(String projection) {
    return problem.last(projection + "_bias", 1);
  }

  private MultiHeadAttention build(Device device) {
    MultiHeadAttention.Builder attention =
        MultiHeadAttention.builder(device)
            .heads((int) problem.integer("heads"))
            .kvHeads((int) problem.integer("kv_heads"))
            .query(weight("query"), bias("query"))
            .key(weight("key"), bias("key"))
            .value(weight("value"), bias("value"))
            .zeroAttention(problem.is("zero_attention"))
            .averageWeights(problem.is("average"))
            .attention(Scores.attention(problem));
    if (problem.has("output_weight")) {
      attention.output(weight("output"), bias("output"));
    }
    if (problem.has("bias_key")) {
      attention.biasKeyValue(problem.last("bias_key", 1), problem.last("bias_value", 1));
    }
    return attention.build();
  }

  @Override
  public void run(Device device) {
    try (MultiHeadAttention attention = build(device)) {
      attention.run(device, tensors);
    }
  }
}
