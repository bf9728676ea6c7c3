// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.check.Tier;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What came of the problems on one tier. Thread-safe. */
final class Tally {
  private static final int SHOWN = 10;

  private final String tier;
  private final List<String> shown = new ArrayList<>();
  private int problems;
  private int wrong;
  private long nanos;

  Tally(Tier tier) {
    this.tier = tier.name().toLowerCase(Locale.ROOT);
  }

  synchronized void ran(long took) {
    problems++;
    nanos += took;
  }

  /** What went wrong with a problem, and how to look at it from both sides. */
  synchronized void wrong(Problem problem, String what) {
    wrong++;
    if (shown.size() < SHOWN) {
      shown.add(
          String.format(
              Locale.ROOT,
              "%s %d: %s: corpus --only %d --tier %s --print, or -Dtest=CorpusTest"
                  + " -Drapt.problem=%d",
              problem.operation(),
              problem.number(),
              what,
              problem.number(),
              tier,
              problem.number()));
    }
  }

  synchronized int problems() {
    return problems;
  }

  /** The first of what went wrong, a line each. */
  synchronized String shown() {
    return String.join("\n", shown);
  }

  @Override
  public synchronized String toString() {
    return String.format(
        Locale.ROOT,
        "%s: %d problems through Java, %d differ, %.1f s",
        tier,
        problems,
        wrong,
        nanos * 1e-9);
  }
}
