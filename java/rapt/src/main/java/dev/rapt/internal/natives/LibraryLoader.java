// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.natives;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Loads librapt.so: from the path that the system property {@value #PATH_PROPERTY} names and
 * nowhere else, or from the jar of this platform, unpacked into the first folder that allows it.
 */
public final class LibraryLoader {
  /** Names the library's file; set, it is the only place tried. */
  public static final String PATH_PROPERTY = "dev.rapt.librapt";

  private static final System.Logger LOGGER = System.getLogger(LibraryLoader.class.getName());
  private static final String ACCESS_HINT =
      "start Java with --enable-native-access=ALL-UNNAMED (class path) or"
          + " --enable-native-access=dev.rapt (module path)";

  private final @Nullable String explicitPath;
  private final ClassLoader resources;
  private final String platform;
  private final UserFolders folders;
  private final List<String> failures = new ArrayList<>();
  private @Nullable SymbolLookup symbols;

  /** A loader as this JVM's properties and environment describe it. */
  public LibraryLoader() {
    this(
        System.getProperty(PATH_PROPERTY),
        LibraryLoader.class.getClassLoader(),
        platform(),
        UserFolders.find());
  }

  /** A loader with everything given. */
  public LibraryLoader(
      @Nullable String explicitPath, ClassLoader resources, String platform, List<Path> folders) {
    this(explicitPath, resources, platform, new UserFolders(folders, List.of()));
  }

  private LibraryLoader(
      @Nullable String explicitPath, ClassLoader resources, String platform, UserFolders folders) {
    this.explicitPath = explicitPath;
    this.resources = resources;
    this.platform = platform;
    this.folders = folders;
  }

  /**
   * Loads the library and returns where from.
   *
   * @throws UnsatisfiedLinkError listing every place tried and why it failed
   */
  public String load() {
    String source = explicitPath != null ? loadExplicit(explicitPath) : loadPackaged();
    if (source == null) {
      throw new UnsatisfiedLinkError(
          "the native library cannot be loaded: " + String.join("; ", failures));
    }
    LOGGER.log(
        System.Logger.Level.DEBUG,
        "Rapt loaded its native library from {0}; passed over: {1}",
        source,
        failures);
    return source;
  }

  /** The functions of the library that was loaded. */
  SymbolLookup symbols() {
    return Objects.requireNonNull(symbols, "load() comes first");
  }

  private @Nullable String loadExplicit(String path) {
    Path file;
    try {
      file = Path.of(path).toAbsolutePath();
    } catch (InvalidPathException unnameable) {
      failures.add(PATH_PROPERTY + ": " + Reasons.unnameable(List.of(path)));
      return null;
    }
    if (!Files.isRegularFile(file)) {
      failures.add(PATH_PROPERTY + "=" + path + ": no such file");
      return null;
    }
    return loadFile(file, PATH_PROPERTY + "=" + path) ? file.toString() : null;
  }

  private @Nullable String loadPackaged() {
    Path file =
        new PackagedLibrary(resources, platform, folders, failures)
            .unpack(unpacked -> loadFile(unpacked, unpacked.toString()));
    return file == null ? null : file.toString();
  }

  private boolean loadFile(Path file, String place) {
    try {
      symbols = open(file);
      return true;
    } catch (IllegalCallerException denied) {
      failures.add(place + ": native access is denied, " + ACCESS_HINT);
    } catch (UnsatisfiedLinkError broken) {
      failures.add(place + ": " + Reasons.withoutPlace(file, broken.getMessage()));
    }
    return false;
  }

  /**
   * Not by System.load, which gives a file to one class loader only: in an application server each
   * application has its own copy of this class, and all of them share one library. It stays until
   * the JVM ends, for its threads may outlive a class loader.
   */
  private static SymbolLookup open(Path file) {
    try {
      return SymbolLookup.libraryLookup(file, Arena.global());
    } catch (IllegalArgumentException unexplained) {
      System.load(file.toString()); // fails likewise, and says why
      return SymbolLookup.loaderLookup();
    }
  }

  /** The name of this platform's jar. */
  static String platform() {
    return platform(System.getProperty("os.name", ""), System.getProperty("os.arch", ""));
  }

  /** The name of a platform's jar, for example {@code linux-x86_64}. */
  static String platform(String osName, String osArch) {
    String os = osName.toLowerCase(Locale.ROOT).replace(" ", "");
    return os + "-" + (osArch.equals("amd64") ? "x86_64" : osArch);
  }
}
