// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.report;

import java.util.Arrays;

/** The middle of a list of figures, and how far they spread: 10th and 90th percentile. */
public record Spread(double median, double p10, double p90) {

  /** Of at least one figure. */
  public static Spread of(double[] figures) {
    double[] sorted = figures.clone();
    Arrays.sort(sorted);
    return new Spread(at(sorted, 0.5), at(sorted, 0.1), at(sorted, 0.9));
  }

  /** Between the two nearest ranks. */
  private static double at(double[] sorted, double share) {
    double rank = share * (sorted.length - 1);
    int below = (int) rank;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (rank - below) * (sorted[above] - sorted[below]);
  }
}
