// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Capabilities;
import dev.rapt.Isa;
import dev.rapt.internal.natives.LibraryLoader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Finding the native library: one explicit place, or the platform's jar; and what is said if not.
 */
class LibraryLoaderTest {
  private static final String PLATFORM = "linux-x86_64";
  private static final String FOLDER = "META-INF/rapt/" + PLATFORM + "/";

  @TempDir Path temp;

  @Test
  void probingNeverThrows() {
    Capabilities capabilities = Capabilities.probe();
    assertTrue(capabilities.nativeAvailable(), capabilities.nativeReason());
    assertEquals(Isa.values().length, capabilities.cpu().tiers().size());
    assertTrue(capabilities.cpu().tiers().getFirst().usable());
    assertTrue(Files.exists(Path.of(capabilities.nativeSource())), capabilities.nativeSource());
  }

  @Test
  void explicitPathHasNoFallback() {
    LibraryLoader loader =
        new LibraryLoader(
            temp.resolve("absent.so").toString(), getClass().getClassLoader(), PLATFORM, folders());
    String message = failure(loader);
    assertTrue(message.contains("dev.rapt.librapt="), message);
    assertTrue(message.contains("no such file"), message);
    assertTrue(!message.contains("META-INF"), message);
  }

  @Test
  void explicitPathMustBeALibrary() {
    String program = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String message =
        failure(new LibraryLoader(program, getClass().getClassLoader(), PLATFORM, folders()));
    assertTrue(message.contains("dev.rapt.librapt=" + program + ": "), message);
  }

  @Test
  void namesTheMissingPlatform() {
    String message =
        failure(new LibraryLoader(null, getClass().getClassLoader(), "plan9-riscv64", folders()));
    assertTrue(message.contains("META-INF/rapt/plan9-riscv64/natives.properties"), message);
    assertTrue(message.contains("classifier plan9-riscv64"), message);
  }

  @Test
  void refusesALibraryThatIsNotWhatWasHashed() throws IOException {
    String message = failure(loader("tampered".getBytes(), "0".repeat(64)));
    assertTrue(message.contains("instead of " + "0".repeat(64)), message);
    for (Path folder : folders()) {
      assertTrue(message.contains(folder.toString()), "every place: " + message);
      try (Stream<Path> left = Files.walk(folder)) {
        assertEquals(List.of(), left.filter(Files::isRegularFile).toList());
      }
    }
  }

  @Test
  void refusesPropertiesWithoutAHash() throws IOException {
    String message = failure(loader(new byte[0], "../../elsewhere"));
    assertTrue(message.contains("SHA-256"), message);
  }

  /** The real library, unpacked by a class loader of its own so that it can be loaded once more. */
  @Test
  void unpacksIntoAPrivateFolderNamedByItsHash() throws Exception {
    Path base = temp.resolve("deep/cache");
    String source = loadInItsOwnClassLoader(base);
    Path file = Path.of(source);
    assertEquals(base, file.getParent().getParent());
    assertTrue(file.getParent().getFileName().toString().matches("[0-9a-f]{64}"), source);
    for (Path folder : List.of(base, file.getParent())) {
      assertEquals(
          "rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)));
    }
    try (Stream<Path> files = Files.list(file.getParent())) {
      assertEquals(List.of(file), files.toList(), "no temporary file is left");
    }
  }

  @Test
  void replacesAnUnpackedLibraryThatWasChanged() throws Exception {
    Properties properties = new Properties();
    try (InputStream stream =
        getClass().getClassLoader().getResourceAsStream(FOLDER + "natives.properties")) {
      properties.load(stream);
    }
    Path base = temp.resolve("cache");
    Path folder = Files.createDirectories(base.resolve(properties.getProperty("sha256")));
    Path file = Files.writeString(folder.resolve("librapt.so"), "changed");
    assertEquals(file, Path.of(loadInItsOwnClassLoader(base)));
    assertTrue(Files.size(file) > 1000, "unpacked anew");
  }

  private static String loadInItsOwnClassLoader(Path base) throws Exception {
    URL code = LibraryLoader.class.getProtectionDomain().getCodeSource().getLocation();
    ClassLoader natives = LibraryLoaderTest.class.getClassLoader();
    try (URLClassLoader isolated =
        new URLClassLoader(new URL[] {code}, ClassLoader.getPlatformClassLoader())) {
      Class<?> loader = isolated.loadClass(LibraryLoader.class.getName());
      Object instance =
          loader
              .getConstructor(String.class, ClassLoader.class, String.class, List.class)
              .newInstance(null, natives, PLATFORM, List.of(base));
      return (String) loader.getMethod("load").invoke(instance);
    }
  }

  private List<Path> folders() {
    return List.of(temp.resolve("first"), temp.resolve("second"));
  }

  /** A loader over a jar's worth of resources with the given library and hash. */
  private LibraryLoader loader(byte[] library, String sha256) {
    String properties = "library=librapt.so\nversion=0\nsha256=" + sha256 + "\n";
    ClassLoader resources =
        new ClassLoader(null) {
          @Override
          public InputStream getResourceAsStream(String name) {
            return switch (name) {
              case FOLDER + "natives.properties" -> new ByteArrayInputStream(properties.getBytes());
              case FOLDER + "librapt.so" -> new ByteArrayInputStream(library);
              default -> null;
            };
          }
        };
    return new LibraryLoader(null, resources, PLATFORM, folders());
  }

  private static String failure(LibraryLoader loader) {
    return assertThrows(UnsatisfiedLinkError.class, loader::load).getMessage();
  }
}
