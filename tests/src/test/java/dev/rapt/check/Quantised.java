// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import java.util.Arrays;
import java.util.Random;

/**
 * A key or value operand in signed bytes: element d of a row stands for bytes[row, d] * scale[row,
 * d / (width / groups)].
 *
 * @param bytes (rows, width), integers from -128 to 127
 * @param scale (rows, groups), some of them negative, as the definition allows
 */
public record Quantised(float[] bytes, float[] scale, int width, int groups) {

  /** These values in bytes, roughly: what they stand for now is {@link #values}. */
  static Quantised of(Random random, float[] data, int width, int groups) {
    int size = width / groups;
    float[] bytes = new float[data.length];
    float[] scale = new float[data.length / size];
    for (int group = 0; group < scale.length; group++) {
      float largest = Float.MIN_NORMAL;
      for (int i = group * size; i < (group + 1) * size; i++) {
        largest = Math.max(largest, Math.abs(data[i]));
      }
      scale[group] = largest / 127 * (random.nextInt(8) == 0 ? -1 : 1);
      for (int i = group * size; i < (group + 1) * size; i++) {
        boolean extreme = random.nextInt(50) == 0;
        bytes[i] =
            extreme ? -128 : (float) Math.clamp(Math.rint(data[i] / scale[group]), -128, 127);
      }
    }
    return new Quantised(bytes, scale, width, groups);
  }

  /** What the operand stands for, exactly. */
  double[] values() {
    double[] values = new double[bytes.length];
    int size = width / groups;
    for (int i = 0; i < values.length; i++) {
      values[i] = (double) bytes[i] * scale[i / size];
    }
    return values;
  }

  /** Makes a row NaN, which only its scale can be. */
  void poison(int row) {
    Arrays.fill(scale, row * groups, (row + 1) * groups, Float.NaN);
  }

  /** Repeats the first {@code rows} rows over all others. */
  void share(int rows) {
    repeat(bytes, rows * width);
    repeat(scale, rows * groups);
  }

  private static void repeat(float[] data, int block) {
    for (int to = block; to < data.length; to += block) {
      System.arraycopy(data, 0, data, to, block);
    }
  }
}
