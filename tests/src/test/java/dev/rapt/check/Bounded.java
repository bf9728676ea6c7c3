// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import dev.rapt.DType;

/**
 * Numbers as they should be, each with how far a right result may be from it ({@link ErrorBound}).
 *
 * @param error null where the numbers are given and not computed
 */
public record Bounded(double[] value, double[] error) {
  public static Bounded exact(double[] value) {
    return new Bounded(value, null);
  }

  /** To be filled. */
  public static Bounded zeros(int count) {
    return new Bounded(new double[count], new double[count]);
  }

  public double errorAt(int i) {
    return error == null ? 0 : error[i];
  }

  /** The same where a right result is stored in this type: any number within the error, rounded. */
  public Bounded stored(DType dtype) {
    if (dtype == DType.F32) {
      return this;
    }
    double[] wider = new double[value.length];
    for (int i = 0; i < value.length; i++) {
      double below = value[i] - Values.round(value[i] - errorAt(i), dtype);
      double above = Values.round(value[i] + errorAt(i), dtype) - value[i];
      wider[i] = Math.max(below, above);
    }
    return new Bounded(value, wider);
  }

  /**
   * The same where later steps read the numbers in this type. Where they add up many, twice the
   * root of the squares of half units stands for all their roundings.
   */
  public Bounded kept(DType dtype) {
    if (dtype == DType.F32) {
      return this;
    }
    double[] wider = new double[value.length];
    for (int i = 0; i < value.length; i++) {
      double rounding = ErrorBound.halfUnit(dtype) * Math.abs(value[i]) + ErrorBound.tiny(dtype);
      wider[i] = Math.hypot(errorAt(i), 2 * rounding);
    }
    return new Bounded(value, wider);
  }
}
