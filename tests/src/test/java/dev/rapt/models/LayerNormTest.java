// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Layer normalisation against its formula in double. */
class LayerNormTest {
  private static final double EPSILON = 1e-12;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 7, 384, 1023})
  void agreesWithTheFormula(int width) {
    Random random = new Random(width);
    float[] weight = random(random, width);
    float[] bias = random(random, width);
    float[] row = random(random, width);
    double mean = 0;
    for (float x : row) {
      mean += x / (double) width;
    }
    double variance = 0;
    for (float x : row) {
      variance += (x - mean) * (x - mean) / width;
    }
    double[] expected = new double[width];
    for (int i = 0; i < width; i++) {
      expected[i] = (row[i] - mean) / Math.sqrt(variance + EPSILON) * weight[i] + bias[i];
    }

    new LayerNorm(weight, bias, EPSILON).apply(row);

    for (int i = 0; i < width; i++) {
      assertEquals(expected[i], row[i], 1e-6 * Math.max(1, Math.abs(expected[i])), "at " + i);
    }
  }

  @Test
  void turnsAConstantRowIntoTheBias() {
    float[] row = {3, 3, 3, 3, 3};
    float[] bias = {1, 2, 3, 4, 5};
    new LayerNorm(new float[] {9, 9, 9, 9, 9}, bias, EPSILON).apply(row);
    assertArrayEquals(bias, row);
  }

  @Test
  void refusesWeightAndBiasOfDifferentLengths() {
    assertThrows(
        IllegalArgumentException.class, () -> new LayerNorm(new float[2], new float[3], EPSILON));
  }

  private static float[] random(Random random, int width) {
    float[] values = new float[width];
    for (int i = 0; i < width; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
