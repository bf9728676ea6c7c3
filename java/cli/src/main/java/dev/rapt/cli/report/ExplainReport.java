// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import dev.rapt.Device;
import dev.rapt.Plan;
import dev.rapt.cli.terminal.Printable;
import dev.rapt.cli.terminal.PrintableOutput;
import dev.rapt.models.LayerTime;
import dev.rapt.models.TokenizedText;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;

/** Prints an explanation, section by section. */
public final class ExplainReport {
  private static final int LINE_WIDTH = 100;

  private final PrintableOutput out;

  /** Prints to the writer. */
  public ExplainReport(PrintableOutput out) {
    this.out = out;
  }

  /** Model, device and plans. */
  public void header(Device device, List<Plan> plans, TokenizedText tokens) {
    out.println("Model     all-MiniLM-L6-v2, " + tokens.length() + " tokens");
    if (tokens.truncated()) {
      out.println(
          "          the text is longer than the model's "
              + tokens.length()
              + " tokens: its end was cut off");
    }
    out.println("Device    " + device.description());
    out.println("Plan      attention     " + describe(plans.get(0)));
    String feedForward =
        plans.stream()
            .skip(1)
            .map(ExplainReport::describe)
            .distinct()
            .collect(Collectors.joining(", "));
    out.println("          feed-forward  " + feedForward);
  }

  private static String describe(Plan plan) {
    return plan.name() + " (" + plan.threads() + (plan.threads() == 1 ? " thread)" : " threads)");
  }

  /** The tokens with their positions. */
  public void tokens(List<String> labels) {
    heading("Tokens");
    StringBuilder line = new StringBuilder(" ");
    for (int i = 0; i < labels.size(); i++) {
      String entry = " " + i + ":" + Printable.isolated(labels.get(i));
      if (line.length() + entry.length() > LINE_WIDTH) {
        out.printlnPrintable(line.toString());
        line = new StringBuilder(" ");
      }
      line.append(entry);
    }
    out.printlnPrintable(line.toString());
  }

  /** The strongest link of each word. */
  public void strongestLinks(List<Link> links, Heads heads) {
    int count = heads.searched().size();
    heading(
        "Strongest link of each word to another content word, in "
            + (count == 1 ? heads.searched().getFirst().toString() : count + " heads"));
    if (!heads.leftOut().isEmpty()) {
      out.println(
          "  left out, because they attend to the neighbouring token whatever it is: "
              + heads.leftOut().stream().map(Head::toString).collect(Collectors.joining("; ")));
    }
    printLinks(links, true);
  }

  /**
   * What each pronoun stands for, as far as attention tells; nothing in a text without pronouns.
   */
  public void antecedents(List<Link> links) {
    if (!links.isEmpty()) {
      heading(
          "Strongest link of each pronoun to a content word before it: what it probably stands"
              + " for");
      links.forEach(link -> out.printlnPrintable("  " + link));
    }
  }

  /** The head that the picture shows. */
  public void shownHead(Optional<Link> reason, List<Link> links, Head head) {
    heading("Head shown: " + head + " (counted from 0)");
    reason.ifPresent(link -> out.printlnPrintable("  chosen for " + link));
    out.println("  strongest link of each word in this head, [CLS], [SEP] and punctuation aside:");
    printLinks(links, false);
  }

  private void printLinks(List<Link> links, boolean withHead) {
    if (links.isEmpty()) {
      out.println("  none: the text has no such pair of words");
      return;
    }
    int from = links.stream().mapToInt(link -> link.from().text().length()).max().orElse(1);
    int to = links.stream().mapToInt(link -> link.to().text().length()).max().orElse(1);
    for (Link link : links) {
      String line =
          "  "
              + padded(link.from().text(), from)
              + " -> "
              + padded(link.to().text(), to)
              + String.format(Locale.ROOT, "  %.2f", link.weight());
      out.printlnPrintable(withHead ? line + "  (" + link.head() + ")" : line);
    }
  }

  private static String padded(String word, int width) {
    return Printable.isolated(word) + " ".repeat(Math.max(0, width - word.length()));
  }

  /** Median times per layer over several runs. */
  public void times(List<List<LayerTime>> runs) {
    heading(
        "Time per layer in ms, median of " + runs.size() + (runs.size() == 1 ? " run" : " runs"));
    out.println("  layer  attention  feed-forward  elementwise  total");
    for (int layer = 0; layer < runs.getFirst().size(); layer++) {
      out.println(
          String.format(
              Locale.ROOT,
              "  %5d  %9.3f  %12.3f  %11.3f  %5.3f",
              layer,
              median(runs, layer, LayerTime::attentionNanos),
              median(runs, layer, LayerTime::feedForwardNanos),
              median(runs, layer, LayerTime::elementwiseNanos),
              median(runs, layer, LayerTime::totalNanos)));
    }
  }

  private static double median(
      List<List<LayerTime>> runs, int layer, ToLongFunction<LayerTime> part) {
    long[] nanos = runs.stream().map(run -> run.get(layer)).mapToLong(part).sorted().toArray();
    int middle = nanos.length / 2;
    double median =
        nanos.length % 2 == 1 ? nanos[middle] : (nanos[middle - 1] + nanos[middle]) / 2.0;
    return median / 1e6;
  }

  /** The files that were written. */
  public void files(List<Path> files) {
    out.println();
    for (Path file : files) {
      out.println("Wrote " + Printable.line(file.toAbsolutePath().normalize().toString()));
    }
  }

  private void heading(String text) {
    out.println();
    out.println(text);
  }
}
