// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.Device;

/** Scaled dot-product attention. */
final class SdpaCall implements ProblemCall {
  private final Attention attention;
  private final AttentionTensors tensors;

  SdpaCall(Problem p) {
    attention = Scores.attention(p);
    tensors =
        AttentionTensors.builder(
                p.last("query", 4), p.last("key", 4), p.last("value", 4), p.last("output", 4))
            .mask(p.last("mask", 4))
            .bias(p.last("bias", 4))
            .alibiSlopes(p.tensor("slopes", 0, 1))
            .sinks(p.tensor("sinks", 0, 1))
            .lse(p.last("lse", 3))
            .weights(p.last("weights", 4))
            .keyScale(p.last("key_scale", 4))
            .valueScale(p.last("value_scale", 4))
            .build();
  }

  @Override
  public void run(Device device) {
    attention.run(device, tensors);
  }
}
