// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.Device;
import dev.rapt.cli.embed.EmbeddingWriter;
import dev.rapt.cli.embed.LineEmbedder;
import dev.rapt.cli.embed.Progress;
import dev.rapt.cli.files.TextLines;
import dev.rapt.cli.terminal.PrintableOutput;
import dev.rapt.models.MiniLmConfig;
import dev.rapt.models.MiniLmEncoder;
import dev.rapt.models.MiniLmLoading;
import dev.rapt.models.MiniLmTokenizer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code rapt embed}: one embedding per line of a file, as JSON lines. */
@Command(
    name = "embed",
    description = {
      "Embeds each line of UTF-8 text: 384 numbers of Euclidean length 1.",
      "Prints JSON lines, {\"line\": 1, \"text\": ..., \"embedding\": [...]}. Blank lines are"
          + " skipped; lines longer than the model's 256 tokens are cut, as sentence-transformers"
          + " does; lines that are not UTF-8 are named and left out."
    },
    mixinStandardHelpOptions = true,
    versionProvider = VersionProvider.class)
final class EmbedCommand implements Runnable {
  /** Bad lines that are named one by one. */
  private static final int MAX_NAMED_FAULTS = 10;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Parameters(
      paramLabel = "FILE",
      parameterConsumer = Positional.Consumer.class,
      description = "the text, one sentence per line; - for standard input; may be a pipe")
  private String name = "";

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "where the result goes. Default: standard output")
  private @Nullable Path output;

  @Option(
      names = "--strict",
      description = "stop at the first line that is not UTF-8 instead of leaving it out")
  private boolean strict;

  @Mixin private DeviceOptions deviceOptions = new DeviceOptions();

  private long faultCount;
  private final List<String> faults = new ArrayList<>();

  @Override
  public void run() {
    Positional.check(name, spec);
    TextInput input = new TextInput(name, spec);
    long lines = check(input);
    MiniLmLoading loading = MiniLmLoading.start();
    try (Device device = deviceOptions.open();
        MiniLmTokenizer tokenizer = MiniLmEncoder.loadTokenizer();
        MiniLmEncoder encoder = loading.finish(device);
        TextLines text = open(input);
        EmbedOutput results = openOutput(input);
        Progress progress = Progress.start(lines, output == null)) {
      LineEmbedder embedder =
          new LineEmbedder(encoder, tokenizer, new EmbeddingWriter(results), progress);
      embedder.embed(text);
      progress.finish();
      if (embedder.totals().sentences() == 0) {
        throw nothingToEmbed(input);
      }
      results.commit();
      report(device, embedder.totals());
    } catch (IOException e) {
      throw CliException.failure("cannot embed " + input.name() + ": " + Failures.reason(e));
    }
  }

  private TextLines open(TextInput input) throws IOException {
    faultCount = 0;
    faults.clear();
    return input.open(fault -> fault(input, fault));
  }

  private void fault(TextInput input, String fault) {
    if (strict) {
      throw CliException.failure("cannot embed " + input.name() + ": " + fault);
    }
    faultCount++;
    if (faults.size() < MAX_NAMED_FAULTS) {
      faults.add(fault);
    }
  }

  /**
   * Finds what is wrong with the input before any work is done, as far as it can be read twice.
   *
   * @return its lines with text in them, or -1 if only reading it tells
   */
  private long check(TextInput input) {
    input.check();
    if (!input.isRegular()) {
      return -1;
    }
    long lines = 0;
    try (TextLines text = open(input)) {
      for (TextLines.Line line = text.next(); line != null; line = text.next()) {
        lines += line.isBlank() ? 0 : 1;
      }
    } catch (IOException e) {
      throw CliException.failure("cannot read " + input.name() + ": " + Failures.reason(e));
    }
    if (lines == 0) {
      throw nothingToEmbed(input);
    }
    return lines;
  }

  private CliException nothingToEmbed(TextInput input) {
    String message = input.name() + " has no line with text in it";
    return faults.isEmpty()
        ? CliException.usage(message)
        : CliException.failure(message + " that could be read: " + faults.getFirst());
  }

  private EmbedOutput openOutput(TextInput input) throws IOException {
    Path file = input.file();
    if (output == null) {
      return EmbedOutput.to((PrintableOutput) spec.commandLine().getOut());
    }
    if (file != null && Files.exists(output) && Files.isSameFile(file, output)) {
      throw CliException.usage("--out must not name the input, " + input.name());
    }
    return EmbedOutput.to(output);
  }

  private void report(Device device, LineEmbedder.Totals totals) {
    PrintWriter err = spec.commandLine().getErr();
    faults.forEach(fault -> err.println("left out: " + fault));
    if (faultCount > faults.size()) {
      err.println("left out, as they are not UTF-8 text: " + faultCount + " lines in all");
    }
    if (totals.truncated() > 0) {
      err.println(
          "lines cut off after "
              + MiniLmConfig.MAX_TOKENS
              + " tokens, all that the model takes: "
              + totals.truncated());
    }
    if (totals.blank() > 0) {
      err.println("blank lines skipped: " + totals.blank());
    }
    double seconds = Math.max(totals.nanos(), 1) / 1e9;
    err.println(
        String.format(
            Locale.ROOT,
            "%d sentences, %d tokens in %.2f s: %.1f sentences/s, %.0f tokens/s on %s",
            totals.sentences(),
            totals.tokens(),
            seconds,
            totals.sentences() / seconds,
            totals.tokens() / seconds,
            device.name()));
  }
}
