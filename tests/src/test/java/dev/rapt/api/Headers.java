// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The public C headers that the bindings are generated from. */
final class Headers {
  private Headers() {}

  /** All of them, one after the other. */
  static String text() throws IOException {
    Path folder = Path.of(System.getProperty("rapt.root"), "native/include/rapt");
    StringBuilder text = new StringBuilder();
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> sorted = files.sorted().toList();
      for (Path file : sorted) {
        text.append(Files.readString(file));
      }
    }
    return text.toString();
  }

  /** The same without comments. */
  static String code() throws IOException {
    return text().replaceAll("(?s)/\\*.*?\\*/", "");
  }
}
