// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import dev.rapt.Device;
import dev.rapt.LayerNorm;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/** A layer normalisation of a model, with its weights. Immutable, thread-safe. */
final class Norm {
  private final Device device;
  private final LayerNorm norm;
  private final Tensor weight;
  private final Tensor bias;

  /** Copies the weights of this name into the arena; runs on a device that reaches host memory. */
  Norm(Device device, Arena arena, OnnxWeights weights, String name, MiniLmConfig config) {
    this.device = device;
    norm = LayerNorm.of(config.epsilon());
    weight = weights.tensor(arena, name + ".weight");
    bias = weights.tensor(arena, name + ".bias");
  }

  /** {@code rows = norm(rows + residual)}, (tokens, width); null = no residual. */
  void apply(Tensor rows, @Nullable Tensor residual) {
    norm.run(device, rows, residual, weight, bias, rows);
  }
}
