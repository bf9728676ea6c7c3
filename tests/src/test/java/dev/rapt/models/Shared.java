// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Real models that lie beside the checkout on some machines, and are no part of it. */
public final class Shared {
  private Shared() {}

  /** A file of them; where it is not there, the test is skipped and says why. */
  public static Path file(String name) {
    String folder = System.getProperty("rapt.shared");
    Path shared =
        folder == null
            ? Path.of(System.getProperty("rapt.root")).resolveSibling("shared")
            : Path.of(folder);
    Path file = shared.resolve("models").resolve(name);
    assumeTrue(
        Files.exists(file),
        "no real model: " + name + " is not in ../shared/models (-Drapt.shared names a folder)");
    return file;
  }
}
