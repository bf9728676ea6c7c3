// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import dev.rapt.DType;
import java.util.Random;

/** Arrays of numbers. */
public final class Values {
  private Values() {}

  /** Normally distributed values with this standard deviation. */
  public static float[] normal(Random random, int count, double deviation) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    return values;
  }

  public static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  public static float[] narrow(double[] values) {
    float[] narrow = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      narrow[i] = (float) values[i];
    }
    return narrow;
  }

  /** The values after storing them in this type; the same array. */
  public static float[] round(float[] values, DType dtype) {
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) round(values[i], dtype);
    }
    return values;
  }

  /** The values after storing them in this type; a new array. */
  public static double[] rounded(double[] values, DType dtype) {
    double[] stored = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      stored[i] = round(values[i], dtype);
    }
    return stored;
  }

  /**
   * The nearest value of a type, ties to even: by scaling, so as not to repeat what the library
   * does with bits.
   */
  public static double round(double value, DType dtype) {
    if (dtype == DType.F32) {
      return (float) value;
    }
    if (!Double.isFinite(value) || value == 0) {
      return value;
    }
    int fraction = dtype == DType.F16 ? 10 : 7;
    int smallest = dtype == DType.F16 ? -14 : -126;
    double largest = dtype == DType.F16 ? 65504 : 0x1.FEp127;
    int exponent = Math.max(Math.getExponent(value), smallest);
    double unit = Math.scalb(1.0, exponent - fraction);
    double nearest = Math.rint(value / unit) * unit;
    return Math.abs(nearest) > largest ? Math.copySign(Double.POSITIVE_INFINITY, value) : nearest;
  }
}
