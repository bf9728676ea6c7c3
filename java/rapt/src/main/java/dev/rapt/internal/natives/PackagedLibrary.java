// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.natives;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A library in a jar of natives: {@code META-INF/rapt/CLASSIFIER} holds it beside
 * natives.properties, which names it and its SHA-256.
 */
final class PackagedLibrary {
  private final ClassLoader resources;
  private final String classifier;
  private final List<Path> folders;
  private final List<String> failures;

  /** Unpacks into the first of the folders that allows it; adds why not to {@code failures}. */
  PackagedLibrary(
      ClassLoader resources, String classifier, List<Path> folders, List<String> failures) {
    this.resources = resources;
    this.classifier = classifier;
    this.folders = folders;
    this.failures = failures;
  }

  /** The first unpacked file that {@code usable} accepts, or null. */
  @Nullable Path unpack(Predicate<Path> usable) {
    String folder = "META-INF/rapt/" + classifier + "/";
    Properties description = new Properties();
    try (InputStream stream = resources.getResourceAsStream(folder + "natives.properties")) {
      if (stream == null) {
        failures.add(
            "no resource "
                + folder
                + "natives.properties: the jar with classifier "
                + classifier
                + " is not on the class path, or does not exist; on the module path add"
                + " --add-modules dev.rapt.natives."
                + classifier.replace('-', '_'));
        return null;
      }
      description.load(stream);
    } catch (IOException | IllegalArgumentException unreadable) {
      failures.add(folder + "natives.properties: " + unreadable);
      return null;
    }
    String name = description.getProperty("library", "");
    String sha256 = description.getProperty("sha256", "");
    if (!sha256.matches("[0-9a-f]{64}") || !name.matches("[A-Za-z0-9._-]+")) {
      failures.add(folder + "natives.properties: names no library with its SHA-256");
      return null;
    }
    for (Path base : folders) {
      try {
        Path file =
            new Extraction(base, sha256, name)
                .extract(() -> resources.getResourceAsStream(folder + name));
        if (usable.test(file)) {
          return file;
        }
      } catch (IOException | SecurityException unusable) {
        failures.add(base + ": " + unusable.getMessage());
      }
    }
    return null;
  }
}
