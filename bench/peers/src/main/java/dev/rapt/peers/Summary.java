// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers;

import dev.rapt.peers.report.CaseResult;
import dev.rapt.peers.report.Figure;
import java.util.Locale;

/** A case in a few lines on the terminal. */
final class Summary {
  private Summary() {}

  static String of(String title, CaseResult result) {
    StringBuilder text = new StringBuilder(title);
    text.append(
        String.format(
            Locale.ROOT,
            " (%d rounds; ceilings %.0f GFLOP/s, %.1f GB/s)%n",
            result.repetition().rounds(),
            result.peaks().peakGflops(),
            result.peaks().peakGbps()));
    if (result.rapt().filter(Summary::isDisturbed).isPresent()) {
      text.append("  something else was running: Rapt's own times differ by more than a fifth\n");
    }
    for (Figure figure : result.figures()) {
      text.append(String.format(Locale.ROOT, "  %-24s %s%n", figure.name(), words(figure, result)));
    }
    return text.toString().stripTrailing();
  }

  private static boolean isDisturbed(Figure rapt) {
    return rapt.seconds().p90() > 1.2 * rapt.seconds().p10();
  }

  private static String words(Figure figure, CaseResult result) {
    if (figure.seconds() == null) {
      return figure.outcome() + ": " + figure.reason();
    }
    double median = figure.seconds().median();
    String text =
        String.format(
            Locale.ROOT,
            "%10.3f ms, %s, %.0f %% of the ceiling",
            1e3 * median,
            result.rate(median),
            100 * figure.shareOfCeiling());
    return figure.ratio() == null
        ? text + ", " + figure.detail()
        : text
            + String.format(
                Locale.ROOT,
                ", %.2f times Rapt's time (%.2f to %.2f)",
                figure.ratio().median(),
                figure.ratio().p10(),
                figure.ratio().p90());
  }
}
