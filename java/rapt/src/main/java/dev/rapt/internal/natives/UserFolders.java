// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.natives;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The folders where this user may unpack a library, the best one first.
 *
 * @param usable the folders, of which none need exist
 * @param passedOver why others are no candidates, a sentence each
 */
record UserFolders(List<Path> usable, List<String> passedOver) {
  /** The user's cache first: it survives reboots, and /tmp may be mounted noexec. */
  static UserFolders find() {
    Set<Path> usable = new LinkedHashSet<>();
    Set<String> unnameable = new LinkedHashSet<>();
    List<String> passedOver = new ArrayList<>();
    add(System.getenv("XDG_CACHE_HOME"), "rapt", usable, unnameable);
    add(System.getProperty("user.home"), ".cache/rapt", usable, unnameable);
    try {
      // Other users have theirs beside it. In a container user.name is "?" for all of them.
      String name = "rapt-" + Integer.toUnsignedString(self());
      Path temporary = Path.of(System.getProperty("java.io.tmpdir")).toAbsolutePath();
      usable.add(temporary.resolve(name));
    } catch (InvalidPathException broken) {
      unnameable.add(broken.getInput());
    } catch (IOException nobody) {
      passedOver.add("the user's number is unknown: " + nobody);
    }
    if (!unnameable.isEmpty()) {
      passedOver.add(Reasons.unnameable(unnameable));
    }
    return new UserFolders(new ArrayList<>(usable), passedOver);
  }

  /** A relative name is no folder of the user: where there is no home, Java calls it "?". */
  private static void add(
      @Nullable String parent, String name, Set<Path> usable, Set<String> unnameable) {
    try {
      if (parent != null && Path.of(parent).isAbsolute()) {
        usable.add(Path.of(parent, name));
      }
    } catch (InvalidPathException broken) {
      unnameable.add(broken.getInput());
    }
  }

  /** This process's uid. Not the owner of /proc/self: a program with capabilities finds root. */
  static int self() throws IOException {
    Path status = Path.of("/proc/self/status");
    for (String line : Files.readAllLines(status, StandardCharsets.ISO_8859_1)) {
      if (line.startsWith("Uid:")) {
        return Integer.parseUnsignedInt(line.split("\\s+")[2]); // real, then effective
      }
    }
    throw new IOException(status + " has no line for it");
  }

  /** The uid that a file or folder belongs to; of a link, the link's own. */
  static int owner(Path file) throws IOException {
    return (int) Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
  }
}
