// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.sdpa;

import dev.rapt.internal.call.OperandView;
import org.jspecify.annotations.Nullable;

/**
 * The optional inputs of a call, read per (batch, head).
 *
 * @param mask (B, Hq, Sq, Skv)
 * @param bias (B, Hq, Sq, Skv)
 * @param keyPaddingMask (B, Skv)
 * @param alibiSlopes (B, Hq)
 * @param sinks (B, Hq)
 * @param positions (B)
 */
public record HeadInputs(
    @Nullable OperandView mask,
    @Nullable OperandView bias,
    @Nullable OperandView keyPaddingMask,
    @Nullable OperandView alibiSlopes,
    @Nullable OperandView sinks,
    @Nullable OperandView positions) {

  /** What they say at (b, h); {@code position} is query 0's where there are no positions. */
  public AttentionHead.Scores at(long b, long h, long position) {
    return new AttentionHead.Scores() {
      @Override
      public boolean visible(int i, int j) {
        return (mask == null || mask.isTrue(b, h, i, j))
            && (keyPaddingMask == null || !keyPaddingMask.isTrue(b, j, 0, 0));
      }

      @Override
      public double bias(int i, int j) {
        return bias == null ? 0 : bias.get(b, h, i, j);
      }

      @Override
      public double slope() {
        return alibiSlopes == null ? 0 : alibiSlopes.get(b, h, 0, 0);
      }

      @Override
      public double sink() {
        return sinks == null ? Double.NEGATIVE_INFINITY : sinks.get(b, h, 0, 0);
      }

      @Override
      public long position() {
        return positions == null ? position : positions.getLong(b, 0);
      }
    };
  }
}
