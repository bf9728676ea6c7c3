// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.Locale;

/**
 * How far a result may be from the exact one: the one place that says so.
 *
 * <p>‖result − exact‖∞ ≤ 2 · ‖rounded − exact‖∞ + 2⁻²⁰ · max(1, ‖exact‖∞), where rounded is the
 * oracle's answer with every intermediate rounded to f32 and the output to its own type. The
 * absolute term is 8 units in the last place of an f32; it is what is left where the rounded answer
 * is exact by luck (one key, say).
 *
 * <p>NaN must be NaN or, where a sum overflows earlier, infinite; an infinity must be that
 * infinity.
 */
public final class ErrorBound {
  private static final double ABSOLUTE = 0x1p-20;

  private ErrorBound() {}

  /** The allowed distance between an f32 result and the exact one. */
  public static double limit(double[] exact, double[] rounded) {
    double error = 0;
    for (int i = 0; i < exact.length; i++) {
      double distance = Math.abs(exact[i] - rounded[i]);
      if (distance > error && distance < Double.POSITIVE_INFINITY) {
        error = distance;
      }
    }
    return 2 * error + ABSOLUTE * Math.max(1, Oracle.largest(exact));
  }

  /** Fails, naming the worst element, unless every element is within the limit. */
  public static void check(String what, double[] exact, double[] rounded, float[] actual) {
    check(what, exact, limit(exact, rounded), actual);
  }

  /**
   * Fails unless two f32 implementations agree: each may be off by the limit, so they may be off by
   * twice the limit from each other.
   */
  public static void checkPeers(
      String what, double[] exact, double[] rounded, float[] peer, float[] actual) {
    check(what, Values.widen(peer), 2 * limit(exact, rounded), actual);
  }

  /** Fails unless two runs of the same arithmetic in another order agree to the absolute term. */
  public static void checkReordered(String what, float[] expected, float[] actual) {
    double[] wide = Values.widen(expected);
    check(what, wide, 2 * limit(wide, wide), actual);
  }

  private static void check(String what, double[] expected, double limit, float[] actual) {
    if (expected.length != actual.length) {
      fail(what + ": " + actual.length + " elements, not " + expected.length);
    }
    int worst = -1;
    double worstError = limit;
    for (int i = 0; i < expected.length; i++) {
      double error = error(expected[i], actual[i]);
      if (!(error <= worstError)) {
        worst = i;
        worstError = error;
      }
    }
    if (worst >= 0) {
      fail(
          String.format(
              Locale.ROOT,
              "%s[%d] is %s, not %s: off by %.3g, allowed %.3g",
              what,
              worst,
              actual[worst],
              expected[worst],
              worstError,
              limit));
    }
  }

  private static double error(double expected, double actual) {
    if (Double.isNaN(expected)) {
      return Double.isFinite(actual) ? Double.POSITIVE_INFINITY : 0;
    }
    if (Double.isInfinite(expected)) {
      return expected == actual ? 0 : Double.POSITIVE_INFINITY;
    }
    return Double.isNaN(actual) ? Double.POSITIVE_INFINITY : Math.abs(expected - actual);
  }
}
