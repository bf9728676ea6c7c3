// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import dev.rapt.Tensor;
import dev.rapt.internal.call.PackedWeights;
import org.jspecify.annotations.Nullable;

/**
 * The constant part of multi-head attention. Head widths: D = query.outFeatures / heads, Dv =
 * value.outFeatures / kvHeads.
 */
public record MhaModel(
    int heads, int kvHeads, Projections projections, Appended appended, SdpaOptions options) {

  /**
   * The projections.
   *
   * @param output null = the heads side by side are the result
   * @param averageWeights whether a weights output is the mean over heads
   */
  public record Projections(
      PackedWeights query,
      PackedWeights key,
      PackedWeights value,
      @Nullable PackedWeights output,
      boolean averageWeights) {}

  /**
   * Keys and values after the projected ones.
   *
   * @param biasKey (Hkv * D); null together with biasValue
   * @param biasValue (Hkv * Dv)
   * @param zeros whether one of zeros follows
   */
  public record Appended(@Nullable Tensor biasKey, @Nullable Tensor biasValue, boolean zeros) {
    /** How many there are: 0 to 2. */
    public int count() {
      return (biasKey == null ? 0 : 1) + (zeros ? 1 : 0);
    }
  }

  /** D. */
  public long headDim() {
    return projections.query.outFeatures() / heads;
  }

  /** Dv. */
  public long valueDim() {
    return projections.value.outFeatures() / kvHeads;
  }

  /** E of the output. */
  public long outFeatures() {
    return projections.output == null ? heads * valueDim() : projections.output.outFeatures();
  }

  /** Frees all weights. */
  public void close() {
    projections.query.close();
    projections.key.close();
    projections.value.close();
    if (projections.output != null) {
      projections.output.close();
    }
  }
}
