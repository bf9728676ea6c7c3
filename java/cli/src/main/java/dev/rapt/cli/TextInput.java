// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.cli.files.TextLines;
import dev.rapt.cli.terminal.Printable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;

/** Lines that a command reads: those of a file or a pipe, or of standard input, whose name is -. */
final class TextInput {
  private static final String STANDARD_INPUT = "-";

  private final @Nullable Path file;

  /** The input of that name. */
  TextInput(String name, CommandSpec command) {
    file = name.equals(STANDARD_INPUT) ? null : PathConverter.convert(name, command);
  }

  /** The file or pipe; null = standard input. */
  @Nullable Path file() {
    return file;
  }

  /** As messages name it. */
  String name() {
    return file == null ? "standard input" : Printable.line(file.toString());
  }

  /** Refuses what cannot be read. */
  void check() {
    if (file != null && (!Files.exists(file) || Files.isDirectory(file))) {
      throw CliException.usage(
          "cannot read "
              + name()
              + ": "
              + (Files.exists(file)
                  ? "it is a folder, not a regular file or a pipe"
                  : "it does not exist"));
    }
  }

  /** Whether it can be read more than once. */
  boolean isRegular() {
    return file != null && Files.isRegularFile(file);
  }

  /**
   * Its lines, which the caller closes.
   *
   * @param faults told of each line that is no UTF-8
   */
  TextLines open(Consumer<String> faults) throws IOException {
    return new TextLines(file == null ? System.in : Files.newInputStream(file), faults);
  }
}
