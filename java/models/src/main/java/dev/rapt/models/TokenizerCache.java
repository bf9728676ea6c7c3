// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import ai.djl.util.Utils;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The folder into which the tokenizers library unpacks its native part. Of itself it takes the home
 * or else one folder for all users of a machine, and gives up where a name cannot be written.
 */
final class TokenizerCache {
  /** Names the folder to the library; its other variable, DJL_CACHE_DIR, is for models as well. */
  private static final String FOLDER = "ENGINE_CACHE_DIR";

  private static final Set<PosixFilePermission> PRIVATE =
      PosixFilePermissions.fromString("rwx------");

  /** What the library takes at least. */
  private static final long UNPACKED_BYTES = 15_000_000;

  private TokenizerCache() {}

  /** Sees to it that the folder is this user's own. */
  static void choose() throws IOException {
    try {
      if (isUnnamed(FOLDER) && isUnnamed("DJL_CACHE_DIR") && !isHomeWritable()) {
        Optional<String> user = self();
        if (user.isPresent()) {
          System.setProperty(FOLDER, ownTemporaryFolder(user.get()).toString());
        }
      }
      Utils.getEngineCacheDir();
    } catch (InvalidPathException unnameable) {
      throw new IOException(
          "its native library cannot be unpacked; "
              + unwritable(unnameable)
              + ", or DJL_CACHE_DIR names another folder",
          unnameable);
    } catch (FileSystemException refused) {
      throw new IOException(
          "its native library cannot be unpacked (" + refused + "); " + advice(), refused);
    }
  }

  /** What to do where the library does not load. */
  static String advice() {
    try {
      Path.of(System.getProperty("java.io.tmpdir"));
    } catch (InvalidPathException unnameable) {
      return unwritable(unnameable); // then Java makes no temporary file in any folder
    }
    return "the environment variable DJL_CACHE_DIR names another folder";
  }

  /** How much room there is: the library keeps to itself that a disk is full. */
  static String space() {
    Path folder = Utils.getEngineCacheDir().toAbsolutePath();
    while (folder.getParent() != null && !Files.exists(folder)) {
      folder = folder.getParent();
    }
    try {
      return room(Files.getFileStore(folder).getUsableSpace());
    } catch (IOException unknown) {
      return "";
    }
  }

  static String room(long free) {
    long megabytes = free / 1_000_000;
    return free < UNPACKED_BYTES
        ? ", whose disk is full (" + megabytes + " MB are free),"
        : ", where " + megabytes + " MB are free,";
  }

  private static String unwritable(InvalidPathException unnameable) {
    return "Java cannot use the name "
        + unnameable.getInput()
        + " in the locale's encoding "
        + System.getProperty("native.encoding")
        + "; LC_ALL=C.UTF-8 makes it UTF-8";
  }

  private static boolean isUnnamed(String variable) {
    String named = Utils.getEnvOrSystemProperty(variable);
    return named == null || named.isEmpty();
  }

  private static boolean isHomeWritable() {
    try {
      Path home = Path.of(System.getProperty("user.home", ""));
      return home.isAbsolute() && Files.isWritable(home);
    } catch (InvalidPathException unnameable) {
      return false;
    }
  }

  /** The effective uid of this process; empty where a system does not tell it as Linux does. */
  private static Optional<String> self() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.isReadable(status)) {
      return Optional.empty();
    }
    try (Stream<String> lines = Files.lines(status, StandardCharsets.ISO_8859_1)) {
      return lines
          .filter(line -> line.startsWith("Uid:"))
          .map(line -> line.split("\\s+")[2])
          .findFirst();
    }
  }

  /** What lies there will be run, so nobody else may write there. */
  private static Path ownTemporaryFolder(String user) throws IOException {
    Path folder =
        Path.of(System.getProperty("java.io.tmpdir")).toAbsolutePath().resolve("rapt-djl-" + user);
    try {
      Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(PRIVATE));
    } catch (FileAlreadyExistsException taken) {
      Object owner = Files.getAttribute(folder, "unix:uid", LinkOption.NOFOLLOW_LINKS);
      boolean own = Integer.toUnsignedString((int) owner).equals(user);
      if (!own || !Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
        throw new FileSystemException(folder.toString(), null, "it is no folder of user " + user);
      }
      Files.setPosixFilePermissions(folder, PRIVATE);
    }
    return folder;
  }
}
