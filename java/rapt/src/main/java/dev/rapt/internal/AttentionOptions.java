// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal;

import dev.rapt.Causal;
import dev.rapt.WeightsStage;

/**
 * How scores become weights, validated; the meaning of each field is that of {@code
 * rapt_sdpa_options}.
 *
 * @param scaled whether {@code scale} applies; otherwise the scale is 1/sqrt(D)
 * @param placed whether {@code position} applies; otherwise {@code causal} places query 0
 */
public record AttentionOptions(
    boolean scaled,
    float scale,
    Causal causal,
    boolean placed,
    long position,
    long windowLeft,
    long windowRight,
    float softcap,
    WeightsStage stage) {

  /** Whether a window hides any key. */
  public boolean windowed() {
    return windowLeft >= 0 || windowRight >= 0;
  }

  /** The position of query 0 among the keys. */
  public long offset(long queryLen, long kvLen) {
    if (placed) {
      return position;
    }
    return causal == Causal.BOTTOM_RIGHT ? kvLen - queryLen : 0;
  }
}
