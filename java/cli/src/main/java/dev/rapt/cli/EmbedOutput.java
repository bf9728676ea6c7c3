// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.cli.files.ReplacedFile;
import dev.rapt.cli.terminal.PrintableOutput;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where embeddings go: standard output, or a file that holds them when all are there. Every failure
 * names it, so that none is taken for one of the input.
 */
final class EmbedOutput extends Writer {
  private final Writer writer;
  private final @Nullable ReplacedFile replaced;
  private final @Nullable PrintableOutput standardOutput;
  private final @Nullable Path file;

  private EmbedOutput(
      Writer writer,
      @Nullable ReplacedFile replaced,
      @Nullable PrintableOutput standardOutput,
      @Nullable Path file) {
    this.writer = writer;
    this.replaced = replaced;
    this.standardOutput = standardOutput;
    this.file = file;
  }

  /** Standard output outlives the command. */
  static EmbedOutput to(PrintableOutput standardOutput) {
    return new EmbedOutput(standardOutput, null, standardOutput, null);
  }

  static EmbedOutput to(Path file) {
    try {
      ReplacedFile replaced = ReplacedFile.open(file);
      Writer writer = new OutputStreamWriter(replaced.out(), StandardCharsets.UTF_8);
      return new EmbedOutput(writer, replaced, null, file);
    } catch (IOException e) {
      throw Failures.notWritten(file, e);
    }
  }

  @Override
  public void write(char[] buffer, int offset, int length) {
    try {
      writer.write(buffer, offset, length);
    } catch (IOException e) {
      throw failed(e);
    }
  }

  /** Passes on everything; stops where the reader of standard output has gone. */
  @Override
  public void flush() {
    try {
      writer.flush();
      IOException lost = standardOutput == null ? null : standardOutput.failure();
      if (lost != null) {
        throw lost;
      }
    } catch (IOException e) {
      throw failed(e);
    }
  }

  /** Puts a complete file in its place. */
  void commit() {
    flush();
    try {
      if (replaced != null) {
        replaced.commit();
      }
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private CliException failed(IOException e) {
    return file != null
        ? Failures.notWritten(file, e)
        : CliException.failure(
            "cannot write standard output: "
                + (Failures.isClosedPipe(e) ? "its reader has closed it" : Failures.reason(e)));
  }

  @Override
  public void close() throws IOException {
    if (replaced != null) {
      replaced.close();
    }
  }
}
