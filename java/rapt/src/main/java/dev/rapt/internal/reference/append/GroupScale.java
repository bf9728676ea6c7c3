// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.append;

/** The scale of a group of elements that are stored as I8. */
final class GroupScale {
  /** The largest quantised magnitude; -128 stays unused, so that both signs reach equally far. */
  private static final int LARGEST = 127;

  private GroupScale() {}

  /**
   * A 127th of the largest magnitude, as an f32 with which that element stays within reach and
   * finite; 0 where all are, NaN where one is not finite.
   */
  static float of(double[] row, int from, int width) {
    float largest = 0;
    for (int d = from; d < from + width; d++) {
      largest = Math.max(largest, Math.abs((float) row[d]));
    }
    if (!Float.isFinite(largest)) {
      return Float.NaN;
    }
    float nearest = largest / LARGEST;
    if (Math.rint((double) largest / nearest) > LARGEST) {
      return Math.nextUp(nearest);
    }
    return Float.isFinite(nearest * LARGEST) ? nearest : Math.nextDown(nearest);
  }
}
