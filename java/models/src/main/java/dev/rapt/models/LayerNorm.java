// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

/**
 * Layer normalisation of one row: {@code (x - mean) / sqrt(variance + epsilon) * weight + bias},
 * with the biased variance. Mean and variance are summed in double. Immutable, thread-safe.
 */
public final class LayerNorm {
  private final float[] weight;
  private final float[] bias;
  private final double epsilon;

  /** Keeps {@code weight} and {@code bias} (width) without copying them: leave them unchanged. */
  public LayerNorm(float[] weight, float[] bias, double epsilon) {
    if (weight.length == 0 || weight.length != bias.length) {
      throw new IllegalArgumentException(
          "weight and bias must have the same, positive length: "
              + weight.length
              + " and "
              + bias.length);
    }
    this.weight = weight;
    this.bias = bias;
    this.epsilon = epsilon;
  }

  /** The width of a row. */
  public int width() {
    return weight.length;
  }

  /** Normalises the first {@link #width()} values of the row in place. */
  public void apply(float[] row) {
    int width = weight.length;
    float mean = (float) mean(row, width);
    for (int i = 0; i < width; i++) {
      row[i] -= mean;
    }
    float scale = (float) (1.0 / Math.sqrt(meanSquare(row, width) + epsilon));
    for (int i = 0; i < width; i++) {
      row[i] = row[i] * scale * weight[i] + bias[i];
    }
  }

  // Four sums each: one sum is a chain of dependent additions, which the compiler may not reorder.

  private static double mean(float[] row, int width) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 4 <= width; i += 4) {
      s0 += row[i];
      s1 += row[i + 1];
      s2 += row[i + 2];
      s3 += row[i + 3];
    }
    for (; i < width; i++) {
      s0 += row[i];
    }
    return (s0 + s1 + (s2 + s3)) / width;
  }

  private static double meanSquare(float[] row, int width) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 4 <= width; i += 4) {
      double a = row[i];
      double b = row[i + 1];
      double c = row[i + 2];
      double d = row[i + 3];
      s0 += a * a;
      s1 += b * b;
      s2 += c * c;
      s3 += d * d;
    }
    for (; i < width; i++) {
      s0 += (double) row[i] * row[i];
    }
    return (s0 + s1 + (s2 + s3)) / width;
  }
}
