// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.embedding;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.rapt.peers.report.Spread;
import java.util.List;
import java.util.Locale;

/**
 * The embedding job with some threads.
 *
 * @param sentences of the file
 * @param tokens of all sentences, without padding
 * @param rounds in which each had its turn
 * @param figures Rapt's first
 */
public record EmbeddingResult(
    int threads, int sentences, long tokens, int rounds, List<Figure> figures) {

  /**
   * What one did.
   *
   * @param name who, and how it batches
   * @param difference the largest difference of a vector's element from Rapt's
   * @param tokensPerCpuSecond the median over the rounds: process time, all threads
   * @param tokensPerSecond the same by the clock
   * @param ratio CPU time over Rapt's of the same round: above 1, Rapt needs less; null for Rapt
   * @param clockRatio the same by the clock
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Figure(
      String name,
      double difference,
      double tokensPerCpuSecond,
      double tokensPerSecond,
      Spread ratio,
      Spread clockRatio) {}

  /** A line for each, for a terminal and for Markdown alike. */
  public String text() {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "embedding %d sentences, %d tokens, %d %s (%d rounds)%n",
            sentences,
            tokens,
            threads,
            threads == 1 ? "thread" : "threads",
            rounds));
    for (Figure figure : figures) {
      text.append(
          String.format(
              Locale.ROOT,
              "  %-45s %7.0f tokens per CPU second, %7.0f per second",
              figure.name,
              figure.tokensPerCpuSecond,
              figure.tokensPerSecond));
      if (figure.ratio != null) {
        text.append(
            String.format(
                Locale.ROOT,
                "; %.2f times Rapt's CPU time (%.2f to %.2f), %.2f by the clock; differs by %.1e",
                figure.ratio.median(),
                figure.ratio.p10(),
                figure.ratio.p90(),
                figure.clockRatio.median(),
                figure.difference));
      }
      text.append(System.lineSeparator());
    }
    return text.toString().stripTrailing();
  }
}
