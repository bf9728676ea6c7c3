// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal;

/**
 * How rows are turned, validated.
 *
 * @param interleaved whether elements 2i and 2i + 1 form pair i; otherwise i and i + R / 2
 * @param rotaryDim R, even: the elements at a row's beginning that turn; 0 = all of them
 */
public record RotaryOptions(boolean interleaved, long rotaryDim) {
  /** R for rows of this many elements. */
  public long rotaryDim(long headDim) {
    return rotaryDim == 0 ? headDim : rotaryDim;
  }
}
