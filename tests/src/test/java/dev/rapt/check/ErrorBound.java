// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import static org.junit.jupiter.api.Assertions.fail;

import dev.rapt.DType;
import java.util.Arrays;
import java.util.Locale;

/**
 * How far a result may be from the exact one: the one place of Java that says so, with {@link
 * SoftmaxBound}; docs/accuracy.md derives it. It follows from the inputs alone: no run of f32
 * arithmetic is a yardstick, since it may be exact by luck.
 *
 * <p>A sum of n terms makes about n roundings of at most 2⁻²⁴ of what has been added up. They point
 * up and down at random, so that a few times √n of them stand for all; but terms that are equal, or
 * nearly, are rounded alike, and then all of them point the same way.
 *
 * <p>NaN must be NaN or, where a sum overflows earlier, infinite; an infinity must be that
 * infinity.
 */
public final class ErrorBound {
  /** The largest error of rounding to f32, relative to the result. */
  static final double UNIT = 0x1p-24;

  /** Below the smallest normal number roundings are absolute. */
  static final double SMALLEST = Float.MIN_NORMAL;

  /** Sums over keys start anew after so many. */
  private static final int STRETCH = 4096;

  private ErrorBound() {}

  /**
   * How many terms are rounded like a term, itself among them: those that differ from it by less
   * than the last places of a sum of all. The mean over the terms, or over their squares where that
   * is more. Groups of terms alike make the error of a sum grow with the root of this.
   */
  public static double repeats(double[] terms, int from, int count) {
    double[] sorted = new double[count];
    for (int i = 0; i < count; i++) {
      sorted[i] = Math.abs(terms[from + i]);
    }
    Arrays.sort(sorted);
    double near = 1 + UNIT / 4 * Math.min(count, STRETCH);
    double all = 0;
    double sizes = 0;
    double allSizes = 0;
    int first = 0;
    int last = 0;
    for (double size : sorted) {
      while (sorted[first] * near < size) {
        first++;
      }
      while (last < count && sorted[last] <= size * near) {
        last++;
      }
      double alike = size > 0 && last > first ? last - first : 1;
      all += alike;
      sizes += size * size;
      allSizes += size * size * alike;
    }
    double mean = count > 0 ? all / count : 1;
    return sizes > 0 && allSizes / sizes > mean ? allSizes / sizes : mean;
  }

  /**
   * How many additions of such a sum may round by as much as its last place: a term that is smaller
   * than that is lost, at most, and {@link #sum} counts that by itself.
   */
  static double roundings(double[] terms, int count) {
    double size = 0;
    for (int i = 0; i < count; i++) {
      size += Math.abs(terms[i]);
    }
    double roundings = 0;
    for (int i = 0; i < count; i++) {
      roundings += Math.min(1, 2 * Math.abs(terms[i]) / (UNIT * size));
    }
    return size > 0 ? roundings : count;
  }

  /**
   * Of a sum of these terms, themselves rounded products.
   *
   * @param repeats how many of them are rounded alike
   */
  public static double sum(double[] terms, int count, double repeats) {
    return sum(terms, count, repeats, 0);
  }

  /**
   * The same where the sum is rounded more often.
   *
   * @param rescaled how many times it is multiplied, as an online softmax does with what it has
   *     when a higher score comes
   */
  static double sum(double[] terms, int count, double repeats, double rescaled) {
    double size = 0;
    double sum = 0;
    double largest = 0;
    double least = Double.POSITIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      double term = Math.abs(terms[i]);
      size += term;
      sum += terms[i];
      // Math.max and Math.min take longer than the sums, for the sake of NaN.
      if (Math.abs(sum) > largest) {
        largest = Math.abs(sum);
      }
      if (term < least) {
        least = term;
      }
    }
    if (Double.isNaN(sum)) {
      largest = sum;
    }
    // What is added to something so much larger is rounded alike, or lost, time and again. Most
    // sums have no such term.
    double small = 0;
    double roundings = count;
    if (!(16 * UNIT * size <= least && least < Double.POSITIVE_INFINITY)) {
      for (int i = 0; i < count; i++) {
        if (Math.abs(terms[i]) < 16 * UNIT * size) {
          small += Math.min(Math.abs(terms[i]), UNIT * size);
        }
      }
      roundings = roundings(terms, count);
    }
    double steps = Math.min(roundings + rescaled, Math.min(count, STRETCH));
    double partial = Math.min(size, 2 * largest + size / 4);
    double rounded = 2 * Math.sqrt(steps * Math.min(repeats, steps));
    return UNIT * (rounded * partial + 4 * size) + small + count * UNIT * SMALLEST;
  }

  /**
   * Of a score, at a stage before the softmax.
   *
   * @param product the error of its dot product, before the scale
   * @param added what bias and ALiBi add to the score, in magnitude
   */
  static double score(double product, double scale, double score, double added, boolean capped) {
    double others = (capped ? 6 : 2) * Math.abs(score) + 4 * added + SMALLEST;
    return Math.abs(scale) * product + UNIT * others;
  }

  /** Of an exponential's argument, which is this far below the highest. */
  static double argument(double scoreError, double distance) {
    return scoreError + 4 * UNIT * (distance + 1);
  }

  /** Half a unit in the last place of 1: what rounding to the type costs at most, relatively. */
  public static double halfUnit(DType dtype) {
    return switch (dtype) {
      case F16 -> 0x1p-11;
      case BF16 -> 0x1p-8;
      default -> UNIT;
    };
  }

  /** The same below the type's normal numbers, absolutely. */
  static double tiny(DType dtype) {
    return dtype == DType.F16 ? 0x1p-25 : 0x1p-134;
  }

  /** Fails, naming the worst element, unless every element is within its bound. */
  public static void check(String what, Bounded expected, float[] actual) {
    check(what, expected.value(), expected.error(), 1, actual);
  }

  /**
   * Fails unless two f32 implementations agree: each may be off by the bound, so they may be off by
   * twice the bound from each other.
   */
  public static void checkPeers(String what, Bounded expected, float[] peer, float[] actual) {
    check(what, Values.widen(peer), expected.error(), 2, actual);
  }

  /** Fails unless two runs of the same arithmetic in another order agree to 2⁻¹⁹ of the largest. */
  public static void checkReordered(String what, float[] expected, float[] actual) {
    double[] wide = Values.widen(expected);
    double largest = Arrays.stream(wide).map(Math::abs).filter(Double::isFinite).max().orElse(0);
    double[] error = new double[wide.length];
    Arrays.fill(error, 0x1p-19 * Math.max(1, largest));
    check(what, wide, error, 1, actual);
  }

  private static void check(
      String what, double[] expected, double[] bounds, int times, float[] actual) {
    if (expected.length != actual.length) {
      fail(what + ": " + actual.length + " elements, not " + expected.length);
    }
    int worst = -1;
    double worstRatio = 1;
    for (int i = 0; i < expected.length; i++) {
      double error = error(expected[i], actual[i]);
      double ratio = error == 0 ? 0 : error / (times * bounds[i]);
      if (!(ratio <= worstRatio)) {
        worst = i;
        worstRatio = ratio;
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
              error(expected[worst], actual[worst]),
              times * bounds[worst]));
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
