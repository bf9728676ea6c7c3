// SPDX-License-Identifier: Apache-2.0
package dev.rapt.linear;

import dev.rapt.check.Bounded;

/** What rounding a projection's input to bytes may change, as docs/accuracy.md has it. */
final class InputRounding {
  private static final int BLOCK = 32;

  private InputRounding() {}

  /**
   * The results of a projection with half of its block's scale more for each element of the input.
   *
   * @param x (rows, in)
   * @param weights (out, in)
   */
  static Bounded added(Bounded exact, float[] x, float[] weights, int in) {
    double[] error = exact.error().clone();
    int out = weights.length / in;
    for (int row = 0; row < x.length / in; row++) {
      for (int first = 0; first < in; first += BLOCK) {
        int end = Math.min(in, first + BLOCK);
        float most = 0;
        for (int i = first; i < end; i++) {
          most = Math.max(most, Math.abs(x[row * in + i]));
        }
        double half = Math.max(most / 127, Float.MIN_NORMAL) / 2.0;
        for (int o = 0; o < out; o++) {
          for (int i = first; i < end; i++) {
            error[row * out + o] += Math.abs(weights[o * in + i]) * half * (1 + 0x1p-11);
          }
        }
      }
    }
    return new Bounded(exact.value(), error);
  }
}
