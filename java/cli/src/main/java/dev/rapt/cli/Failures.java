// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.cli.terminal.Printable;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A file's name and what went wrong with it, in words: several exceptions only carry the name. */
final class Failures {
  private Failures() {}

  /** The name as it can be printed. */
  static String name(Path file) {
    return Printable.line(file.toString());
  }

  /** Why a file could not be opened for writing, which is mostly its folder's fault. */
  static String whyNotWritten(Path file, IOException e) {
    Path folder = file.toAbsolutePath().getParent();
    if (folder == null || Files.isDirectory(folder)) {
      return Files.isDirectory(file) ? "it is a folder" : reason(e);
    }
    return "the folder " + name(folder) + (Files.exists(folder) ? " is a file" : " does not exist");
  }

  /** Why a file's content did not get there. */
  static CliException notWritten(Path file, IOException e) {
    return CliException.failure("cannot write " + name(file) + ": " + whyNotWritten(file, e));
  }

  static boolean isClosedPipe(IOException e) {
    return String.valueOf(e.getMessage()).contains("Broken pipe");
  }

  static String reason(IOException e) {
    if (String.valueOf(e.getMessage()).contains("No space left on device")) {
      return "the disk is full";
    }
    return switch (e) {
      // Those who draw pictures tell the reason by the cause.
      case IOException drawn when drawn.getCause() instanceof IOException cause -> reason(cause);
      case NoSuchFileException missing -> "it does not exist";
      case AccessDeniedException denied -> "access denied";
      case FileAlreadyExistsException taken -> "a file of that name is in the way";
      case CharacterCodingException coding -> "it is not UTF-8 text";
      case FileSystemException other when other.getReason() != null -> other.getReason();
      default -> e.getMessage() == null ? e.toString() : e.getMessage();
    };
  }
}
