// SPDX-License-Identifier: Apache-2.0
package dev.rapt.rope;

import dev.rapt.check.Bounded;
import dev.rapt.check.ErrorBound;
import dev.rapt.check.Values;
import java.util.Random;

/**
 * The values of a case, a pure function of it, and what should become of them. Cosines and sines
 * are any numbers here, unrelated to each other, so that none stands for another by chance.
 *
 * @param input (batch, heads, length, headDim)
 * @param cosine of each row that there is, times pairs
 * @param positions the row of each token, (batch, length) or (length), or null
 */
record RopeData(RopeCase c, float[] input, float[] cosine, float[] sine, float[] positions) {

  static RopeData of(RopeCase c) {
    Random random = new Random(c.toString().hashCode());
    int tokens = (c.angles().shared() ? 1 : c.batch()) * c.length();
    int rows = c.angles().positions() ? RopeCase.TABLE_LENGTH : tokens;
    float[] positions = null;
    if (c.angles().positions()) {
      positions = new float[tokens];
      for (int i = 0; i < tokens; i++) {
        positions[i] = i % 7 == 3 ? RopeCase.TABLE_LENGTH - 1 : random.nextInt(rows);
      }
    }
    return new RopeData(
        c,
        Values.round(
            Values.normal(random, c.batch() * c.heads() * c.length() * c.headDim(), 1), c.input()),
        Values.round(Values.normal(random, rows * c.pairs(), 0.7), c.cosine()),
        Values.round(Values.normal(random, rows * c.pairs(), 0.7), c.sine()),
        positions);
  }

  /** What the output should be: two rounded products, and their rounded sum. */
  Bounded expected() {
    double[] output = Values.widen(input);
    double[] error = new double[output.length];
    for (int b = 0; b < c.batch(); b++) {
      for (int h = 0; h < c.heads(); h++) {
        for (int s = 0; s < c.length(); s++) {
          int token = (c.angles().shared() ? 0 : b * c.length()) + s;
          int angle = (positions == null ? token : (int) positions[token]) * c.pairs();
          int row = ((b * c.heads() + h) * c.length() + s) * c.headDim();
          for (int i = 0; i < c.pairs(); i++) {
            int first = row + (c.interleaved() ? 2 * i : i);
            int second = first + (c.interleaved() ? 1 : c.pairs());
            double x = input[first];
            double y = input[second];
            double cos = cosine[angle + i];
            double sin = sine[angle + i];
            output[first] = cos * x - sin * y;
            output[second] = sin * x + cos * y;
            error[first] = ErrorBound.sum(new double[] {cos * x, sin * y}, 2, 1);
            error[second] = ErrorBound.sum(new double[] {sin * x, cos * y}, 2, 1);
          }
        }
      }
    }
    return new Bounded(output, error);
  }
}
