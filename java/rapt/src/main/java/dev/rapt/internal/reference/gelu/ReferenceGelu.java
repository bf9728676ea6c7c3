// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.gelu;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.OperandView;
import dev.rapt.internal.ops.GeluOperation;

/**
 * Section 2 of Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016): x times the probability
 * that a standard normal variable is below x.
 */
public final class ReferenceGelu {
  /** Below it the series of the error function is used, above it the fraction of its complement. */
  private static final double SERIES_END = 2.5;

  /** Enough of either for the last digit of a double. */
  private static final int TERMS = 120;

  private ReferenceGelu() {}

  /** Runs a checked call; the output may be the input. */
  public static void run(GeluOperation operation, CallFrame call) {
    OperandView input = OperandView.of(call, GeluOperation.INPUT);
    OperandView output = OperandView.of(call, GeluOperation.OUTPUT);
    GeluOperation.Sizes sizes = operation.sizes(call);
    for (long b = 0; b < sizes.batch(); b++) {
      for (long r = 0; r < sizes.rows(); r++) {
        for (long f = 0; f < sizes.features(); f++) {
          output.set(gelu(input.get(b, r, f, 0)), b, r, f, 0);
        }
      }
    }
  }

  private static double gelu(double x) {
    if (Double.isInfinite(x)) {
      return Math.max(x, 0);
    }
    double z = Math.abs(x) / Math.sqrt(2);
    double tail = complement(z) / 2;
    return x * (x < 0 ? tail : 1 - tail);
  }

  /** 1 - erf(z) for z of 0 or more; NaN for NaN. */
  private static double complement(double z) {
    if (z >= SERIES_END) {
      // Abramowitz and Stegun 7.1.14, from its end to its beginning.
      double fraction = z;
      for (int n = TERMS; n > 0; n--) {
        fraction = z + n / 2.0 / fraction;
      }
      return Math.exp(-z * z) / Math.sqrt(Math.PI) / fraction;
    }
    // Abramowitz and Stegun 7.1.6: all terms are positive.
    double term = z;
    double sum = z;
    for (int n = 1; n < TERMS; n++) {
      term *= 2 * z * z / (2 * n + 1);
      sum += term;
    }
    return 1 - 2 / Math.sqrt(Math.PI) * Math.exp(-z * z) * sum;
  }
}
