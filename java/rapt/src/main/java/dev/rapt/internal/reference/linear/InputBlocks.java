// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.linear;

/** A row of input rounded to bytes, 32 neighbours with one scale. */
final class InputBlocks {
  private static final int BLOCK = 32;
  private static final int MOST_NUMBER = 127;

  private InputBlocks() {}

  /** What the rounded elements stand for. */
  static double[] round(double[] row) {
    double[] rounded = new double[row.length];
    for (int first = 0; first < row.length; first += BLOCK) {
      int end = Math.min(row.length, first + BLOCK);
      float scale = scale(row, first, end);
      // In f32, as every tier does it, so that all of them round ties alike.
      float reciprocal = 1 / scale;
      for (int i = first; i < end; i++) {
        rounded[i] = Math.rint((float) row[i] * reciprocal) * scale;
      }
    }
    return rounded;
  }

  /** The largest magnitude over 127, a normal number; NaN where an element is not finite. */
  private static float scale(double[] row, int first, int end) {
    float most = 0;
    for (int i = first; i < end; i++) {
      float element = (float) row[i];
      if (!Float.isFinite(element)) {
        return Float.NaN;
      }
      most = Math.max(most, Math.abs(element));
    }
    return Math.max(most / MOST_NUMBER, Float.MIN_NORMAL);
  }
}
