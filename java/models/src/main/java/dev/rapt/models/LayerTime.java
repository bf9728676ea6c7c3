// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

/**
 * What one layer took. Immutable, thread-safe.
 *
 * @param attentionNanos multi-head attention with its four projections
 * @param feedForwardNanos the two feed-forward projections
 * @param elementwiseNanos residuals, normalisations and GELU
 */
public record LayerTime(long attentionNanos, long feedForwardNanos, long elementwiseNanos) {
  /** All of it, in nanoseconds. */
  public long totalNanos() {
    return attentionNanos + feedForwardNanos + elementwiseNanos;
  }
}
