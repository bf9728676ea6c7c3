// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;

/**
 * What a run found.
 *
 * @param machine CPU, tier, Java and commit
 */
public record Summary(
    Settings settings,
    Map<String, String> machine,
    double seconds,
    Calls calls,
    Residence residence,
    List<String> failures) {
  /**
   * What was called.
   *
   * @param made calls, those that were refused among them
   * @param compared calls whose outputs were compared with what they are alone
   * @param bytes of those outputs
   * @param groups by operation, tier and device; what refused calls said, what was closed while
   *     others used it, and what was left out
   */
  public record Calls(
      long made, long compared, long bytes, Map<String, Map<String, Long>> groups) {}

  /**
   * What the process kept.
   *
   * @param firstMebibytes resident memory, the median of the first third after the warm-up
   * @param lastMebibytes the same of the last third
   * @param judged whether the run was long enough to tell whether memory is flat
   * @param workersLeft threads of the native library, after everything was closed
   */
  public record Residence(
      double firstMebibytes, double lastMebibytes, boolean judged, int workersLeft) {}

  /** Whether everything was as it must be. */
  public boolean isGood() {
    return failures.isEmpty();
  }

  /** For people. */
  public String text() {
    StringJoiner text = new StringJoiner("\n");
    machine.forEach((what, value) -> text.add(line(what, value)));
    String threads = settings.platformThreads() + " platform, " + settings.virtualThreads();
    text.add(line("threads", threads + " virtual"));
    String time = String.format(Locale.ROOT, " in %.0f s, seed ", seconds);
    text.add(line("calls", calls.made + time + settings.seed()));
    text.add(line("compared", calls.compared + ", " + (calls.bytes >> 20) + " MiB of outputs"));
    calls.groups.forEach((what, counts) -> text.add(line(what, counts)));
    text.add(
        line(
            "resident",
            String.format(
                Locale.ROOT,
                "%.1f MiB, at the end %.1f MiB (%+.1f %%)%s",
                residence.firstMebibytes,
                residence.lastMebibytes,
                100 * (residence.lastMebibytes / residence.firstMebibytes - 1),
                residence.judged ? "" : ", not judged")));
    text.add(line("native threads", residence.workersLeft + " left"));
    text.add(line("failures", failures.size()));
    return text.toString();
  }

  private static String line(String what, Object value) {
    return String.format(Locale.ROOT, "%-15s %s", what, value);
  }
}
