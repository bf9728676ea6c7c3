// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.Causal;
import dev.rapt.Device;
import dev.rapt.Plan;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;

/**
 * What the layers of a step share: the device, the operations without weights, and the step's
 * activations.
 *
 * @param activations of the tokens of the step
 * @param loop for the work on rows in Java
 */
record Step(
    Device device,
    Attention attention,
    RotaryEmbedding rope,
    RotaryEmbedding.Tables tables,
    Activations activations,
    RowLoop loop) {

  static Attention attention(LlamaConfig.Heads heads) {
    Attention.Builder builder = Attention.builder().scale(heads.scale()).causal(Causal.TOP_LEFT);
    if (heads.window() > 0) {
      builder.window(heads.window() - 1L, 0);
    }
    return builder.build();
  }

  /** GGUF files have the rows of Llama's projections in the order of neighbouring pairs. */
  static RotaryEmbedding rope(LlamaConfig.Rotary rotary) {
    return RotaryEmbedding.builder().interleaved(true).rotaryDim(rotary.dim()).build();
  }

  /** In place. */
  void rotate(Tensor heads) {
    rope.run(device, heads, tables, activations.positions(), heads);
  }

  void attend(AttentionTensors tensors) {
    attention.run(device, tensors);
  }

  Plan plan(AttentionTensors tensors) {
    return attention.plan(device, tensors);
  }
}
