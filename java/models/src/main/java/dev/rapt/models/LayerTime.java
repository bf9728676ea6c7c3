// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

/**
 * The time that one layer took, in nanoseconds. Immutable, thread-safe.
 *
 * @param attentionNanos attention with its projections
 * @param feedForwardNanos the two feed-forward projections
 * @param elementwiseNanos residuals, normalisations and GELU
 */
public record LayerTime(long attentionNanos, long feedForwardNanos, long elementwiseNanos) {
  /** The sum of all three, in nanoseconds. */
  public long totalNanos() {
    return attentionNanos + feedForwardNanos + elementwiseNanos;
  }
}
