// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.generate;

import dev.rapt.Plan;
import dev.rapt.models.llama.BatchStatistics;
import dev.rapt.models.llama.Generated;
import java.io.PrintWriter;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Says what it took to write texts, and why they ended. */
public final class GenerationReport {
  private final int maxTokens;
  private final Map<Generated.End, Integer> ends = new EnumMap<>(Generated.End.class);

  /** A report of texts that may have so many tokens. */
  public GenerationReport(int maxTokens) {
    this.maxTokens = maxTokens;
  }

  /** Counts a text that has ended. */
  public void count(Generated text) {
    ends.merge(text.end(), 1, Integer::sum);
  }

  /** Prints all, with the device's description. */
  public void print(PrintWriter err, BatchStatistics statistics, String device) {
    err.println(rate("prompt", statistics.prompts()));
    err.println(rate("writing", statistics.writing()));
    err.println(cache(statistics));
    err.println("end: " + ends());
    err.println("plans: " + plans(statistics) + " on " + device);
  }

  private static String rate(String what, BatchStatistics.Work work) {
    double seconds = Math.max(work.nanos(), 1) / 1e9;
    return String.format(
        Locale.ROOT,
        "%s: %d tokens in %.3f s, %.1f tokens/s",
        what,
        work.tokens(),
        seconds,
        work.tokens() / seconds);
  }

  private static String cache(BatchStatistics statistics) {
    return String.format(
        Locale.ROOT,
        "cache: at most %d %s of %d tokens at once, %d shared, %d bytes",
        statistics.mostPages(),
        statistics.mostPages() == 1 ? "page" : "pages",
        statistics.pageTokens(),
        statistics.mostShared(),
        statistics.mostBytes());
  }

  private String ends() {
    boolean single = ends.values().stream().mapToInt(Integer::intValue).sum() == 1;
    return ends.entrySet().stream()
        .map(end -> reason(end.getKey()) + (single ? "" : " (" + texts(end.getValue()) + ")"))
        .collect(Collectors.joining(", "));
  }

  private static String texts(int count) {
    return count + (count == 1 ? " text" : " texts");
  }

  private String reason(Generated.End end) {
    return switch (end) {
      case TOKEN -> "the model has ended the text";
      case LENGTH -> "--max-tokens " + maxTokens;
      case CONTEXT -> "the model's context is full";
    };
  }

  private static String plans(BatchStatistics statistics) {
    return Stream.of(statistics.prompts(), statistics.writing())
        .flatMap(work -> work.plans().stream())
        .map(Plan::name)
        .distinct()
        .collect(Collectors.joining(", "));
  }
}
