// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.Device;
import dev.rapt.cli.embed.EmbeddingWriter;
import dev.rapt.cli.embed.LineEmbedder;
import dev.rapt.cli.embed.Progress;
import dev.rapt.models.MiniLmConfig;
import dev.rapt.models.MiniLmEncoder;
import dev.rapt.models.MiniLmTokenizer;
import java.io.BufferedReader;
import java.io.FilterWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;
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
      "Embeds each line of a UTF-8 text file: 384 numbers of Euclidean length 1.",
      "Prints JSON lines, {\"line\": 1, \"text\": ..., \"embedding\": [...]}. Blank lines are"
          + " skipped; lines longer than the model's 256 tokens are cut, as sentence-transformers"
          + " does."
    },
    mixinStandardHelpOptions = true,
    versionProvider = VersionProvider.class)
final class EmbedCommand implements Runnable {
  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Parameters(
      paramLabel = "FILE",
      parameterConsumer = Positional.Consumer.class,
      description = "the text, one sentence per line")
  private String name = "";

  private Path file = Path.of("");

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "where the result goes. Default: standard output")
  private @Nullable Path output;

  @Mixin private DeviceOptions deviceOptions = new DeviceOptions();

  @Override
  public void run() {
    Positional.check(name, spec);
    file = PathConverter.convert(name, spec);
    long lines = countLines();
    try (Device device = deviceOptions.open();
        MiniLmEncoder encoder = MiniLmEncoder.load(device);
        MiniLmTokenizer tokenizer = MiniLmEncoder.loadTokenizer();
        BufferedReader reader = Files.newBufferedReader(file);
        Writer writer = openOutput();
        Progress progress = Progress.start(lines, output == null)) {
      LineEmbedder embedder =
          new LineEmbedder(encoder, tokenizer, new EmbeddingWriter(writer), progress);
      embedder.embed(reader);
      progress.finish();
      report(device, embedder.totals());
    } catch (IOException e) {
      throw CliException.failure("cannot embed " + Failures.name(file) + ": " + Failures.reason(e));
    }
  }

  /**
   * Counts the lines with text in them, and so finds what is wrong with the file before any work is
   * done.
   */
  private long countLines() {
    if (!Files.isRegularFile(file)) {
      throw CliException.usage(
          "cannot read "
              + Failures.name(file)
              + ": "
              + (Files.exists(file) ? "it is not a regular file" : "it does not exist"));
    }
    long lines;
    try (Stream<String> all = Files.lines(file)) {
      lines = all.filter(line -> !line.isBlank()).count();
    } catch (UncheckedIOException e) {
      throw CliException.failure(
          "cannot read " + Failures.name(file) + ": " + Failures.reason(e.getCause()));
    } catch (IOException e) {
      throw CliException.failure("cannot read " + Failures.name(file) + ": " + Failures.reason(e));
    }
    if (lines == 0) {
      throw CliException.usage(Failures.name(file) + " has no line with text in it");
    }
    return lines;
  }

  private Writer openOutput() throws IOException {
    if (output == null) {
      return new KeptOpen(spec.commandLine().getOut());
    }
    if (Files.exists(output) && Files.isSameFile(file, output)) {
      throw CliException.usage("--out must not name the input, " + Failures.name(file));
    }
    try {
      return Files.newBufferedWriter(output);
    } catch (IOException e) {
      throw CliException.failure(
          "cannot write " + Failures.name(output) + ": " + Failures.reason(e));
    }
  }

  private void report(Device device, LineEmbedder.Totals totals) {
    PrintWriter err = spec.commandLine().getErr();
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

  /** Standard output outlives the command. */
  private static final class KeptOpen extends FilterWriter {
    private final PrintWriter writer;

    KeptOpen(PrintWriter writer) {
      super(writer);
      this.writer = writer;
    }

    @Override
    public void flush() throws IOException {
      // Otherwise a reader that went away, as head does, would leave us working for nobody.
      if (writer.checkError()) {
        throw new IOException("nobody reads the output any more");
      }
    }

    @Override
    public void close() throws IOException {
      flush();
    }
  }
}
