// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.Device;
import dev.rapt.cli.report.ExplainReport;
import dev.rapt.cli.report.Head;
import dev.rapt.cli.report.Heads;
import dev.rapt.cli.report.HeatmapImage;
import dev.rapt.cli.report.Link;
import dev.rapt.cli.report.Links;
import dev.rapt.cli.report.WeightsJson;
import dev.rapt.cli.report.Words;
import dev.rapt.cli.terminal.Printable;
import dev.rapt.cli.terminal.PrintableOutput;
import dev.rapt.models.LayerTime;
import dev.rapt.models.MiniLmEncoder;
import dev.rapt.models.MiniLmTokenizer;
import dev.rapt.models.TokenizedText;
import dev.rapt.models.Trace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code rapt explain}: which word attends to which in a sentence, as text, picture and JSON. */
@Command(
    name = "explain",
    description =
        "Shows which word attends to which in a sentence, in every layer and head of the encoder.",
    mixinStandardHelpOptions = true,
    versionProvider = VersionProvider.class)
final class ExplainCommand implements Runnable {
  // The JIT takes some hundred milliseconds to compile the loops over rows; times before that are
  // not representative.
  private static final long WARM_UP_NANOS = 300_000_000L;
  private static final long MEASURING_NANOS = 300_000_000L;
  private static final int MAX_RUNS = 100;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Parameters(
      paramLabel = "TEXT",
      parameterConsumer = Positional.Consumer.class,
      description =
          "the sentence, in quotes; behind -- if it is one word that begins with a hyphen and a"
              + " letter")
  private String text = "";

  @Option(
      names = "--layer",
      paramLabel = "N",
      description = "look only at this layer, counted from 0")
  private @Nullable Integer layer;

  @Option(
      names = "--head",
      paramLabel = "N",
      description = "look only at this head, counted from 0")
  private @Nullable Integer head;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "where heatmap.png and weights.json go. Default: ${DEFAULT-VALUE}",
      defaultValue = "rapt-explain")
  private Path directory = Path.of("rapt-explain");

  @Mixin private DeviceOptions deviceOptions = new DeviceOptions();

  @Override
  public void run() {
    Positional.check(text, spec);
    if (text.isBlank()) {
      throw CliException.usage("TEXT is empty; give a sentence in quotes");
    }
    prepareDirectory();
    try (Device device = deviceOptions.open();
        MiniLmEncoder encoder = MiniLmEncoder.load(device);
        MiniLmTokenizer tokenizer = MiniLmEncoder.loadTokenizer()) {
      check("--layer", layer, encoder.config().layers());
      check("--head", head, encoder.config().heads());
      TokenizedText tokens = tokenizer.tokenize(text);
      if (Arrays.stream(tokens.words()).allMatch(word -> word < 0)) {
        throw CliException.usage("TEXT has nothing in it that the model reads");
      }
      List<List<LayerTime>> times = new ArrayList<>();
      Trace trace = measure(encoder, tokens, times);
      explain(device, tokens, trace, times);
    }
  }

  private void prepareDirectory() {
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw CliException.failure(
          "cannot create the folder " + Failures.name(directory) + ": " + Failures.reason(e));
    }
  }

  private static void check(String option, @Nullable Integer value, int count) {
    if (value != null && (value < 0 || value >= count)) {
      throw CliException.usage(option + " must be 0 to " + (count - 1) + ", not " + value);
    }
  }

  /**
   * Runs the text until its times are steady; a slow device runs it once to warm up and once more.
   */
  private static Trace measure(
      MiniLmEncoder encoder, TokenizedText tokens, List<List<LayerTime>> times) {
    for (long start = System.nanoTime(); System.nanoTime() - start < WARM_UP_NANOS; ) {
      encoder.trace(tokens);
    }
    long start = System.nanoTime();
    Trace trace;
    do {
      trace = encoder.trace(tokens);
      times.add(trace.times());
    } while (times.size() < MAX_RUNS && System.nanoTime() - start < MEASURING_NANOS);
    return trace;
  }

  private void explain(
      Device device, TokenizedText tokens, Trace trace, List<List<LayerTime>> times) {
    Heads heads = Heads.select(trace.weights(), layer, head);
    Links links = new Links(Words.of(tokens), trace.weights());
    boolean chosenByUser = layer != null && head != null;
    Optional<Link> reason = chosenByUser ? Optional.empty() : links.mostTelling(heads);
    Head shown = reason.map(Link::head).orElseGet(() -> heads.searched().getLast());

    ExplainReport report = new ExplainReport((PrintableOutput) spec.commandLine().getOut());
    report.header(device, trace.plans(), tokens);
    List<String> labels = tokens.labels().stream().map(Printable::line).toList();
    report.tokens(labels);
    report.strongestLinks(links.strongestToContent(heads), heads);
    report.antecedents(links.antecedents(heads));
    report.shownHead(
        reason,
        links.strongestToAny(Heads.select(trace.weights(), shown.layer(), shown.index())),
        shown);
    report.times(times);
    report.files(List.of(writeHeatmap(labels, trace, shown), writeJson(tokens, trace)));
  }

  private Path writeHeatmap(List<String> labels, Trace trace, Head shown) {
    Path file = directory.resolve("heatmap.png");
    String title = "all-MiniLM-L6-v2, " + shown;
    try {
      float[][] weights = trace.weights()[shown.layer()][shown.index()];
      for (String script : HeatmapImage.write(file, title, labels, weights)) {
        spec.commandLine()
            .getErr()
            .println(Failures.name(file) + " shows codes, because no font here has " + script);
      }
    } catch (IOException e) {
      throw Failures.notWritten(file, e);
    } catch (LinkageError | RuntimeException e) {
      // Java's own drawing needs the system's fontconfig library and a font; a bare machine may
      // have neither.
      throw CliException.failure(
          "cannot draw "
              + Failures.name(file)
              + ": "
              + e
              + "; install fontconfig and a font (Debian: fontconfig fonts-dejavu-core)");
    }
    return file;
  }

  private Path writeJson(TokenizedText tokens, Trace trace) {
    Path file = directory.resolve("weights.json");
    try {
      WeightsJson.write(file, tokens.tokens(), trace.weights());
    } catch (IOException e) {
      throw Failures.notWritten(file, e);
    }
    return file;
  }
}
