// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import dev.rapt.Causal;
import dev.rapt.Tensor;
import dev.rapt.WeightsStage;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * How scores become weights, checked; the meaning of each field is that of {@code
 * rapt_sdpa_options}.
 *
 * @param scale NaN = 1/sqrt(D)
 * @param placed the position of query 0; without it {@code causal} places it
 */
public record SdpaOptions(
    float scale,
    Causal causal,
    OptionalLong placed,
    long windowLeft,
    long windowRight,
    float softcap,
    WeightsStage stage) {

  /** Whether {@code scale} applies; otherwise the scale is 1/sqrt(D). */
  public boolean scaled() {
    return !Float.isNaN(scale);
  }

  /** Whether a window hides any key. */
  public boolean windowed() {
    return windowLeft >= 0 || windowRight >= 0;
  }

  /** Whether query 0 stands at the number of keys less that of queries. */
  public boolean bottomRight() {
    return placed.isEmpty() && causal == Causal.BOTTOM_RIGHT;
  }

  /** The position of query 0 among the keys, where it is the same for all samples. */
  public long position(long queryLen, long kvLen) {
    if (placed.isPresent()) {
      return placed.getAsLong();
    }
    return bottomRight() ? kvLen - queryLen : 0;
  }

  /** That not both the options and a tensor say where query 0 stands. */
  public void checkPositions(@Nullable Tensor positions) {
    if (positions == null) {
      return;
    }
    if (placed.isPresent()) {
      throw new IllegalArgumentException(
          "positions is "
              + positions
              + " and position is "
              + placed.getAsLong()
              + "; allowed: one of them");
    }
    if (causal == Causal.BOTTOM_RIGHT) {
      throw new IllegalArgumentException(
          "positions is "
              + positions
              + " and causal is BOTTOM_RIGHT, which places query 0 too; allowed: TOP_LEFT or NONE");
    }
  }
}
