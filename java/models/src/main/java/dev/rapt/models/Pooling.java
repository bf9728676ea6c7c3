// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

/**
 * Makes one embedding of token vectors, as sentence-transformers does for this model. Thread-safe.
 */
public final class Pooling {
  private Pooling() {}

  /**
   * The mean over the first {@code count} rows, scaled to Euclidean length 1: a new array (width).
   *
   * @param rows at least (count, width), row-major; left as it is
   */
  public static float[] meanNormalised(float[] rows, int count, int width) {
    double[] sum = new double[width];
    for (int row = 0; row < count; row++) {
      for (int i = 0; i < width; i++) {
        sum[i] += rows[row * width + i];
      }
    }
    double square = 0;
    for (double value : sum) {
      square += value * value;
    }
    // The mean's divisor cancels in the normalisation. The floor is sentence-transformers' guard
    // against 0 / 0.
    double scale = 1.0 / Math.max(Math.sqrt(square), 1e-12 * count);
    float[] embedding = new float[width];
    for (int i = 0; i < width; i++) {
      embedding[i] = (float) (sum[i] * scale);
    }
    return embedding;
  }
}
