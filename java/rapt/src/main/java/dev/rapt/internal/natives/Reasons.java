// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.natives;

import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Collection;

/** Why a place gave no library, in a sentence that names the place once. */
final class Reasons {
  private Reasons() {}

  /** A folder or file that cannot be used. */
  static String of(Path place, Exception failure) {
    if (!(failure instanceof FileSystemException refused)) {
      return place + ": " + withoutPlace(place, failure.getMessage());
    }
    String file = refused.getFile();
    boolean elsewhere = file != null && !file.equals(place.toString());
    return place + ": " + words(refused) + (elsewhere ? " (" + file + ")" : "");
  }

  /** Some of these have only the file for a message. */
  private static String words(FileSystemException refused) {
    if (refused.getReason() != null) {
      return refused.getReason();
    }
    return switch (refused) {
      case AccessDeniedException denied -> "permission is denied";
      case NoSuchFileException absent -> "no such file or folder";
      case NotDirectoryException file -> "not a folder";
      default -> refused.getClass().getSimpleName();
    };
  }

  /** The JVM and the system's loader each put the file before what the other says. */
  static String withoutPlace(Path place, String message) {
    String prefix = place + ": ";
    String rest = message;
    while (rest != null && rest.startsWith(prefix)) {
      rest = rest.substring(prefix.length());
    }
    return String.valueOf(rest);
  }

  /** Names that Java cannot pass to the system: most often with an é, under LC_ALL=C. */
  static String unnameable(Collection<String> names) {
    String encoding = System.getProperty("native.encoding", "");
    String locale =
        encoding.equals(StandardCharsets.UTF_8.name())
            ? ""
            : "; the locale's encoding is "
                + encoding
                + ", start Java in one of UTF-8, for example with LC_ALL=C.UTF-8";
    return "Java cannot use the name " + String.join(" or ", names) + locale;
  }
}
