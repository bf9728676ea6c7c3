// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import dev.rapt.DType;
import dev.rapt.Tensor;

/**
 * Tells a wrong result from a right one, before anything is timed. How exact a right one is, the
 * test suite says; peers may keep weights or sums in the storage type, which is allowed here.
 */
final class Agreement {
  private Agreement() {}

  /**
   * What a comparison found.
   *
   * @param agrees whether every element is within the bound
   * @param difference the largest difference, as a share of the largest expected value
   * @param complaint where it is largest, in words; empty where it agrees
   */
  record Verdict(boolean agrees, double difference, String complaint) {}

  /** The largest difference that is accepted, as a share of the largest expected value. */
  static double bound(DType dtype) {
    return switch (dtype) {
      case F32 -> 0x1p-13;
      // Eight units in the last place of the largest value.
      case F16 -> 0x1p-8;
      case BF16 -> 0x1p-5;
      default -> throw new IllegalArgumentException("no results are kept in " + dtype);
    };
  }

  /** Compares two tensors of one shape, element by element. */
  static Verdict compare(Tensor actual, Tensor expected, DType dtype, String what) {
    float[] ours = actual.toFloatArray();
    float[] theirs = expected.toFloatArray();
    if (ours.length != theirs.length) {
      return new Verdict(false, Double.NaN, "has " + actual + ", not " + expected);
    }
    double largest = 0;
    for (float value : theirs) {
      largest = Math.max(largest, Math.abs(value));
    }
    double worst = 0;
    int at = 0;
    for (int i = 0; i < ours.length; i++) {
      double difference = Math.abs((double) ours[i] - theirs[i]);
      // Not a number counts as worst.
      if (!(difference <= worst)) {
        worst = difference;
        at = i;
        if (Double.isNaN(difference)) {
          break;
        }
      }
    }
    double share = largest > 0 ? worst / largest : worst;
    if (share <= bound(dtype)) {
      return new Verdict(true, share, "");
    }
    String complaint = "gives " + ours[at] + ", not " + theirs[at] + ", at " + at + " of " + what;
    return new Verdict(false, share, complaint);
  }
}
