// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Which sources a checkout holds. */
final class Commit {
  private Commit() {}

  /** For example {@code 8131064}; with a plus where files differ from it; unknown without git. */
  static String of(Path root) {
    try {
      Process git =
          new ProcessBuilder(
                  "git", "describe", "--always", "--abbrev=7", "--exclude=*", "--dirty=+")
              .directory(root.toFile())
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String text = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return text.isEmpty() ? "unknown" : text;
    } catch (IOException e) {
      return "unknown";
    }
  }
}
