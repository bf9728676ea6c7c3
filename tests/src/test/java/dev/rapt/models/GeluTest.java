// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.MathContext;
import org.junit.jupiter.api.Test;

/** GELU against its definition, with the error function summed as a series in 60 digits. */
class GeluTest {
  private static final MathContext DIGITS = new MathContext(60);
  private static final double BOUND = 1e-6;

  @Test
  void isWithinOneMillionthOfTheDefinition() {
    double worst = 0;
    for (float x = -8; x <= 8; x += 0.03125f) {
      double error = Math.abs(gelu(x) - exact(x));
      assertTrue(error <= BOUND, "gelu(" + x + ") is off by " + error);
      worst = Math.max(worst, error);
    }
    assertTrue(worst > 0, "nothing was compared");
  }

  @Test
  void isTheIdentityFarRightAndZeroFarLeft() {
    assertEquals(100f, gelu(100), 1e-5f);
    assertEquals(Float.POSITIVE_INFINITY, gelu(Float.POSITIVE_INFINITY));
    assertEquals(0f, gelu(-10), 2e-7f);
    assertEquals(0f, gelu(-1e6f), 2e-7f);
    assertEquals(0f, gelu(Float.NEGATIVE_INFINITY), 2e-7f);
    assertEquals(0f, gelu(0));
  }

  @Test
  void keepsNaN() {
    assertTrue(Float.isNaN(gelu(Float.NaN)));
  }

  @Test
  void leavesTheRestOfTheRowAlone() {
    float[] row = {1, 1, 1};
    Gelu.apply(row, 2);
    assertEquals(0.8413447f, row[1], 1e-6f);
    assertEquals(1f, row[2]);
  }

  private static float gelu(float x) {
    float[] row = {x};
    Gelu.apply(row, 1);
    return row[0];
  }

  private static double exact(double x) {
    return x / 2 * (1 + erf(x / Math.sqrt(2)));
  }

  /** 2 / sqrt(pi) * sum of (-1)^n z^(2n+1) / (n! (2n+1)). */
  private static double erf(double z) {
    BigDecimal square = new BigDecimal(z).pow(2, DIGITS);
    BigDecimal term = new BigDecimal(z);
    BigDecimal sum = term;
    for (int n = 1; n < 400; n++) {
      term = term.multiply(square, DIGITS).divide(BigDecimal.valueOf(-n), DIGITS);
      sum = sum.add(term.divide(BigDecimal.valueOf(2L * n + 1), DIGITS), DIGITS);
    }
    return sum.doubleValue() * 2 / Math.sqrt(Math.PI);
  }
}
