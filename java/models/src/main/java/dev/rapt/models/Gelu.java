// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

/**
 * GELU as BERT uses it: {@code x / 2 * (1 + erf(x / sqrt(2)))}, within 1e-6 of the exact value.
 *
 * <p>An odd rational function without branches approximates the error function, so that the loop
 * over a row becomes vector code. Its coefficients are a minimax fit of {@code erf(sqrt(u)) /
 * sqrt(u)} over {@code u} in [0, 16], relative error 2.5e-8; beyond |z| = 4 erf differs from 1 by
 * less than that. The arithmetic is double, because in float the rounding of the two polynomials
 * alone costs 4e-7 of erf, which GELU multiplies by x / 2. Thread-safe.
 */
public final class Gelu {
  private static final double LIMIT = 4.0;
  private static final double SQRT_HALF = Math.sqrt(0.5);

  /** Below this x, 1 + erf stays at 1e-8 by its error, and must not be multiplied by a larger x. */
  private static final double FLOOR = -LIMIT / SQRT_HALF;

  private static final double P0 = 1.1283791392981903;
  private static final double P1 = 0.19354566256359582;
  private static final double P2 = 0.05310183451140489;
  private static final double P3 = 0.003883373183544058;
  private static final double P4 = 0.00028456714966668676;
  private static final double P5 = 1.9867849757422406e-06;

  private static final double Q1 = 0.504857932797964;
  private static final double Q2 = 0.11535025698701486;
  private static final double Q3 = 0.015207307866406212;
  private static final double Q4 = 0.0011855793984758669;
  private static final double Q5 = 3.742026862394513e-05;

  private Gelu() {}

  /** Replaces each of the first {@code count} values of the row by its GELU. */
  public static void apply(float[] row, int count) {
    for (int i = 0; i < count; i++) {
      double x = row[i];
      double half = 0.5 * Math.max(x, FLOOR);
      row[i] = (float) (half * (1.0 + erf(x * SQRT_HALF)));
    }
  }

  /** The error function, absolute error below 5e-8; NaN for NaN. */
  static double erf(double z) {
    double c = Math.min(LIMIT, Math.max(-LIMIT, z));
    double u = c * c;
    double p = P0 + u * (P1 + u * (P2 + u * (P3 + u * (P4 + u * P5))));
    double q = 1.0 + u * (Q1 + u * (Q2 + u * (Q3 + u * (Q4 + u * Q5))));
    return c * p / q;
  }
}
