// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference;

import dev.rapt.Tensor;
import dev.rapt.internal.AttentionOptions;
import org.jspecify.annotations.Nullable;

/** The optional inputs of a call, read per (batch, head). */
final class HeadInputs {
  private final @Nullable View mask;
  private final @Nullable View bias;
  private final @Nullable View keyPaddingMask;
  private final @Nullable View alibiSlopes;
  private final @Nullable View sinks;

  HeadInputs(
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor keyPaddingMask,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks) {
    this.mask = mask == null ? null : new View(mask);
    this.bias = bias == null ? null : new View(bias);
    this.keyPaddingMask = keyPaddingMask == null ? null : new View(keyPaddingMask, 2);
    this.alibiSlopes = alibiSlopes == null ? null : new View(alibiSlopes, 2);
    this.sinks = sinks == null ? null : new View(sinks, 2);
  }

  /** The head at (b, h) over its keys and values. */
  AttentionHead head(
      AttentionOptions options,
      long b,
      long h,
      double[][] queries,
      double[][] keys,
      double[][] values,
      int headDim,
      int valueDim,
      int maskable) {
    AttentionHead.Visibility visibility =
        new AttentionHead.Visibility() {
          @Override
          public boolean visible(int i, int j) {
            return (mask == null || mask.isTrue(b, h, i, j))
                && (keyPaddingMask == null || !keyPaddingMask.isTrue(b, j, 0, 0));
          }

          @Override
          public double bias(int i, int j) {
            return bias == null ? 0 : bias.get(b, h, i, j);
          }
        };
    return new AttentionHead(
        options,
        visibility,
        keys,
        values,
        headDim,
        valueDim,
        maskable,
        queries.length,
        alibiSlopes == null ? 0 : alibiSlopes.get(b, h, 0, 0),
        sinks == null ? Double.NEGATIVE_INFINITY : sinks.get(b, h, 0, 0));
  }
}
