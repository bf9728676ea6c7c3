// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.Device;
import dev.rapt.Tensor;

/** Scaled dot-product attention. */
final class SdpaCall implements ProblemCall {
  private final Attention attention;
  private final AttentionTensors tensors;

  SdpaCall(Problem p) {
    attention = Scores.attention(p);
    tensors =
        AttentionTensors.builder(
                p.batched("query", 4),
                p.batched("key", 4),
                p.batched("value", 4),
                p.batched("output", 4))
            .mask(p.broadcast("mask"))
            .positions(Scores.positions(p))
            .bias(p.broadcast("bias"))
            .alibiSlopes(p.batched("slopes", 0, 2))
            .sinks(p.batched("sinks", 0, 2))
            .lse(p.batched("lse", 3))
            .weights(p.batched("weights", 4))
            .keyScale(scale(p, "key_scale", p.integer("key_groups")))
            .valueScale(scale(p, "value_scale", p.integer("value_groups")))
            .build();
  }

  private static Tensor scale(Problem p, String name, long groups) {
    return p.batched(name, 0, p.isBrief() && groups == 1 ? 3 : 4);
  }

  @Override
  public void run(Device device) {
    attention.run(device, tensors);
  }
}
