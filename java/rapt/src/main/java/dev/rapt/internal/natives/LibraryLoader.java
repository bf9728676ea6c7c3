// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.natives;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
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
  private final List<Path> folders;
  private final List<String> failures = new ArrayList<>();

  /** A loader as this JVM's properties and environment describe it. */
  public LibraryLoader() {
    this(
        System.getProperty(PATH_PROPERTY),
        LibraryLoader.class.getClassLoader(),
        platform(),
        defaultFolders());
  }

  /** A loader with everything given. */
  public LibraryLoader(
      @Nullable String explicitPath, ClassLoader resources, String platform, List<Path> folders) {
    this.explicitPath = explicitPath;
    this.resources = resources;
    this.platform = platform;
    this.folders = List.copyOf(folders);
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
    LOGGER.log(System.Logger.Level.DEBUG, "Rapt loaded its native library from {0}", source);
    return source;
  }

  private @Nullable String loadExplicit(String path) {
    Path file = Path.of(path).toAbsolutePath();
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
      System.load(file.toString());
      return true;
    } catch (IllegalCallerException denied) {
      failures.add(place + ": native access is denied, " + ACCESS_HINT);
    } catch (UnsatisfiedLinkError broken) {
      failures.add(place + ": " + broken.getMessage());
    }
    return false;
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

  /** The user's cache first: it survives reboots, and /tmp may be mounted noexec. */
  static List<Path> defaultFolders() {
    List<Path> folders = new ArrayList<>();
    String cache = System.getenv("XDG_CACHE_HOME");
    String home = System.getProperty("user.home", "");
    if (cache != null && Path.of(cache).isAbsolute()) {
      folders.add(Path.of(cache, "rapt"));
    } else if (Path.of(home).isAbsolute()) {
      folders.add(Path.of(home, ".cache", "rapt"));
    }
    String user = System.getProperty("user.name", "user").replaceAll("[^A-Za-z0-9._-]", "_");
    folders.add(Path.of(System.getProperty("java.io.tmpdir"), "rapt-" + user).toAbsolutePath());
    return folders;
  }
}
