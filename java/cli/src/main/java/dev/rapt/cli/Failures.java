// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;

/** What went wrong with a file, in words: several file exceptions only carry the file's name. */
final class Failures {
  private Failures() {}

  static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException missing -> "it does not exist";
      case AccessDeniedException denied -> "access denied";
      case FileAlreadyExistsException taken -> "a file of that name is in the way";
      case CharacterCodingException coding -> "it is not UTF-8 text";
      default -> e.getMessage() == null ? e.toString() : e.getMessage();
    };
  }
}
