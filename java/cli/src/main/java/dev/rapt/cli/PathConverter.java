// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.cli.terminal.Printable;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

/** File names are UTF-8, whatever the locale; a JVM that writes others is told so. */
final class PathConverter implements ITypeConverter<Path> {
  @Override
  public Path convert(String value) {
    return convert(value, Arguments.jvmCharset());
  }

  /** The path that a positional argument names. */
  static Path convert(String value, CommandSpec command) {
    try {
      return convert(value, Arguments.jvmCharset());
    } catch (TypeConversionException e) {
      throw new ParameterException(command.commandLine(), e.getMessage());
    }
  }

  /** The path of that name in a JVM that writes file names in {@code charset}. */
  static Path convert(String value, Charset charset) {
    if (value.isEmpty()) {
      throw new TypeConversionException("the file name is empty");
    }
    boolean ascii = value.chars().allMatch(c -> c < 128);
    // Another charset may have the letter and write bytes that name another file.
    if (!ascii && !charset.equals(StandardCharsets.UTF_8)) {
      throw new TypeConversionException(
          "this Java writes file names in "
              + charset
              + ", '"
              + Printable.line(value)
              + "' needs UTF-8; set LC_ALL=C.UTF-8 or start it by ./rapt, which does");
    }
    try {
      return Path.of(value);
    } catch (InvalidPathException e) {
      throw new TypeConversionException(
          "'" + Printable.line(value) + "' cannot be a file name: " + e.getReason());
    }
  }
}
