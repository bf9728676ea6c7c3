// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.natives;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReader;
import java.lang.module.ModuleReference;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A library in a jar of natives: {@code META-INF/rapt/CLASSIFIER} holds it beside
 * natives.properties, which names it and its SHA-256. The jar is a module too; a folder that is no
 * package is closed to nobody.
 */
final class PackagedLibrary {
  private final ClassLoader resources;
  private final String classifier;
  private final UserFolders folders;
  private final List<String> failures;

  /** Unpacks into the first of the folders that allows it; adds why not to {@code failures}. */
  PackagedLibrary(
      ClassLoader resources, String classifier, UserFolders folders, List<String> failures) {
    this.resources = resources;
    this.classifier = classifier;
    this.folders = folders;
    this.failures = failures;
  }

  /** The first unpacked file that {@code usable} accepts, or null. */
  @Nullable Path unpack(Predicate<Path> usable) {
    String folder = "META-INF/rapt/" + classifier + "/";
    Properties description = new Properties();
    try (InputStream stream = open(folder + "natives.properties")) {
      if (stream == null) {
        failures.add("no resource " + folder + "natives.properties: " + advice());
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
    failures.addAll(folders.passedOver());
    for (Path base : folders.usable()) {
      try {
        Path file = new Extraction(base, sha256, name).extract(() -> open(folder + name));
        if (usable.test(file)) {
          return file;
        }
      } catch (IOException | SecurityException | UnsupportedOperationException unusable) {
        failures.add(Reasons.of(base, unusable));
      }
    }
    return null;
  }

  /** The name of the jar's module. */
  private String module() {
    return "dev.rapt.natives." + classifier.replace('-', '_');
  }

  /** A layer of modules may give each its own class loader, so the module itself is asked first. */
  private @Nullable InputStream open(String resource) throws IOException {
    ModuleLayer layer = PackagedLibrary.class.getModule().getLayer();
    Module natives = layer == null ? null : layer.findModule(module()).orElse(null);
    InputStream stream = natives == null ? null : natives.getResourceAsStream(resource);
    if (stream == null) {
      stream = resources.getResourceAsStream(resource);
    }
    return stream == null ? openInImage(resource) : stream;
  }

  /** An image holds the module, but a program that does not require it starts without. */
  private @Nullable InputStream openInImage(String resource) throws IOException {
    ModuleReference natives = ModuleFinder.ofSystem().find(module()).orElse(null);
    if (natives == null) {
      return null;
    }
    try (ModuleReader reader = natives.open();
        InputStream stream = reader.open(resource).orElse(null)) {
      return stream == null ? null : new ByteArrayInputStream(stream.readAllBytes());
    }
  }

  private String advice() {
    String jar = "the jar with classifier " + classifier;
    Module own = PackagedLibrary.class.getModule();
    if (!own.isNamed()) {
      return jar + " is not on the class path, or does not exist";
    }
    if (isInImage(own)) {
      return "the image was linked without "
          + jar
          + ": give jlink that jar and --add-modules "
          + module();
    }
    return jar
        + " is not among the modules, or does not exist: put it on the module path and add"
        + " --add-modules "
        + module();
  }

  private static boolean isInImage(Module own) {
    return own.getLayer()
        .configuration()
        .findModule(own.getName())
        .flatMap(found -> found.reference().location())
        .filter(location -> location.getScheme().equals("jrt"))
        .isPresent();
  }
}
