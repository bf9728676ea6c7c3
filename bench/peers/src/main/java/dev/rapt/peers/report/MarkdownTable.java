// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.report;

import dev.rapt.peers.report.Figure.Outcome;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Results as Markdown: a table for each storage type and number of threads. */
public final class MarkdownTable {
  private MarkdownTable() {}

  /** Title, machine, tables and what is worth knowing about single entries. */
  public static String of(Results results) {
    StringBuilder text = new StringBuilder("# Side by side with its peers\n\n");
    text.append(results.machine().cpu())
        .append(", ")
        .append(results.machine().logicalCpus())
        .append(" logical CPUs, Java ")
        .append(results.machine().java())
        .append("; ")
        .append(String.join(", ", results.machine().peers()))
        .append(".\n\n")
        .append(
            """
            A cell says how many times as long the peer takes as Rapt on the same inputs, in the same process, in turns: the median of
            the rounds, and their 10th and 90th percentile. Above 1, Rapt is faster. The share of the ceiling is the least time that the
            multiply-add peak, measured around the rounds, or the read bandwidth, measured in turns with them, allow, over Rapt's time:
            the median of the rounds. `rapt-bench ceilings --help` says how reading is measured. Sizes are batch, query heads/kv heads,
            queries, keys, head dim.
            """);
    if (results.held() != null) {
      append(text, results.held());
    }
    results.groups().forEach((group, cases) -> append(text, group.title(), cases));
    return text.toString();
  }

  private static void append(StringBuilder text, Held held) {
    text.append("\nAll were to keep to ")
        .append(held.isa())
        .append(", Rapt by `RAPT_ISA`. What the libraries of each process said they took:\n\n");
    held.kernels()
        .forEach(
            (world, said) ->
                text.append("* ").append(world).append(": ").append(said).append('\n'));
  }

  private static void append(StringBuilder text, String title, List<CaseResult> cases) {
    List<String> peers = peers(cases);
    text.append("\n## ")
        .append(title)
        .append("\n\n| shape | sizes | Rapt | of the ceiling | best peer |");
    peers.forEach(peer -> text.append(' ').append(peer).append(" |"));
    text.append("\n|---|---|---|---|---|").append("---|".repeat(peers.size())).append('\n');
    for (CaseResult result : cases) {
      text.append("| ").append(result.shape().name());
      text.append(" | ").append(result.shape().sizes());
      text.append(" | ").append(result.rapt().map(own -> rate(result, own)).orElse("wrong result"));
      text.append(" | ").append(result.rapt().map(MarkdownTable::share).orElse(""));
      text.append(" | ").append(result.bestPeer().map(MarkdownTable::best).orElse(""));
      for (String peer : peers) {
        text.append(" | ").append(result.peer(peer).map(MarkdownTable::cell).orElse(""));
      }
      text.append(" |\n");
    }
    notes(text, cases);
  }

  /** Peers that were timed at least once, in the order of the processes. */
  private static List<String> peers(List<CaseResult> cases) {
    Set<String> names = new LinkedHashSet<>();
    Set<String> timed = new HashSet<>();
    for (CaseResult result : cases) {
      for (Figure figure : result.figures()) {
        names.add(figure.name());
        if (figure.ratio() != null) {
          timed.add(figure.name());
        }
      }
    }
    names.retainAll(timed);
    return List.copyOf(names);
  }

  private static String rate(CaseResult result, Figure rapt) {
    return result.rate(rapt.seconds().median());
  }

  private static String share(Figure rapt) {
    return Math.round(100 * rapt.shareOfCeiling()) + " %";
  }

  private static String best(Figure peer) {
    return number(peer.ratio().median()) + " ×";
  }

  private static String cell(Figure peer) {
    if (peer.ratio() == null) {
      return peer.outcome() == Outcome.WRONG ? "wrong" : "–";
    }
    String median = number(peer.ratio().median()) + " ×";
    return peer.outcome() == Outcome.TIMED_ONCE
        ? "≈ " + median
        : median + " (" + number(peer.ratio().p10()) + "–" + number(peer.ratio().p90()) + ")";
  }

  private static String number(double ratio) {
    return String.format(Locale.ROOT, ratio < 10 ? "%.2f" : "%.0f", ratio);
  }

  /** Why a cell is empty, and what a peer ran that its name does not say: once per sentence. */
  private static void notes(StringBuilder text, List<CaseResult> cases) {
    Map<String, List<String>> shapesByNote = new LinkedHashMap<>();
    for (CaseResult result : cases) {
      for (Figure figure : result.figures()) {
        note(figure)
            .ifPresent(
                note ->
                    shapesByNote
                        .computeIfAbsent(note, key -> new ArrayList<>())
                        .add(result.shape().name()));
      }
    }
    if (!shapesByNote.isEmpty()) {
      text.append('\n');
    }
    shapesByNote.forEach(
        (note, shapes) ->
            text.append("* ")
                .append(note)
                .append(" (")
                .append(shapes.size() == cases.size() ? "everywhere" : String.join(", ", shapes))
                .append(")\n"));
  }

  private static Optional<String> note(Figure figure) {
    return switch (figure.outcome()) {
      case UNSUPPORTED -> Optional.of(figure.name() + ", not run: " + figure.reason());
      case WRONG -> Optional.of(figure.name() + ", not timed: " + figure.reason());
      case TIMED_ONCE -> Optional.of(figure.name() + ", ≈: " + figure.reason());
      case TIMED ->
          figure.detail().contains(" mask")
              ? Optional.of(figure.name() + ": " + figure.detail())
              : Optional.empty();
    };
  }
}
