// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;

/**
 * What a run found.
 *
 * @param refused calls that threw what they had to, and wrote nothing
 * @param succeeded calls with nothing wrong, which were made too
 * @param kinds calls by what was wrong with them
 */
public record HostileSummary(
    long seed,
    Map<String, String> machine,
    double seconds,
    long calls,
    long refused,
    long succeeded,
    Map<String, Long> kinds,
    List<String> failures) {

  /** Whether everything was as it must be. */
  public boolean isGood() {
    return failures.isEmpty();
  }

  /** For people. */
  public String text() {
    StringJoiner text = new StringJoiner("\n");
    machine.forEach((what, value) -> text.add(line(what, value)));
    text.add(
        line("calls", calls + String.format(Locale.ROOT, " in %.0f s, seed ", seconds) + seed));
    text.add(line("refused", refused + " as they must be"));
    text.add(line("succeeded", succeeded + " with nothing wrong"));
    text.add(line("kinds", kinds.size()));
    text.add(line("failures", failures.size()));
    return text.toString();
  }

  private static String line(String what, Object value) {
    return String.format(Locale.ROOT, "%-15s %s", what, value);
  }
}
