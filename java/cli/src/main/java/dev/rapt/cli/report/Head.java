// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

/**
 * One attention head of the encoder.
 *
 * @param layer counted from 0
 * @param index counted from 0 within its layer
 */
public record Head(int layer, int index) {
  /** For example {@code layer 5, head 11}. */
  @Override
  public String toString() {
    return "layer " + layer + ", head " + index;
  }
}
