// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal;

import dev.rapt.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The constant part of multi-head attention. Head widths: D = query.outFeatures / heads, Dv =
 * value.outFeatures / kvHeads.
 *
 * @param output null = the heads side by side are the result
 * @param biasKey (Hkv * D), appended as one more key after projection; null together with biasValue
 * @param biasValue (Hkv * Dv)
 */
public record MultiHeadModel(
    int heads,
    int kvHeads,
    Projection query,
    Projection key,
    Projection value,
    @Nullable Projection output,
    @Nullable Tensor biasKey,
    @Nullable Tensor biasValue,
    boolean zeroAttention,
    boolean averageWeights,
    AttentionOptions options) {

  /** D. */
  public long headDim() {
    return query.outFeatures() / heads;
  }

  /** Dv. */
  public long valueDim() {
    return value.outFeatures() / kvHeads;
  }

  /** E of the output. */
  public long outFeatures() {
    return output == null ? heads * valueDim() : output.outFeatures();
  }

  /** Keys appended to the projected ones: 0 to 2. */
  public int appended() {
    return (biasKey == null ? 0 : 1) + (zeroAttention ? 1 : 0);
  }

  /** Frees all weights. */
  public void close() {
    query.close();
    key.close();
    value.close();
    if (output != null) {
      output.close();
    }
  }
}
