// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * Threads of the operating system by their name. A thread of the native library has the name of the
 * Java thread that opened its device; the JVM's own, of which some come and go, have others.
 */
final class Workers {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);
  private static final long POLL_MILLIS = 10;

  private Workers() {}

  /** How many threads have a name that begins like this. */
  static int count(String prefix) {
    int count = 0;
    try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
      for (Path task : tasks) {
        count += name(task).startsWith(prefix) ? 1 : 0;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return count;
  }

  /** The same once they have had time to end: whoever joins a thread may still see it. */
  static int left(String prefix) throws InterruptedException {
    long end = System.nanoTime() + PATIENCE_NANOS;
    int count = count(prefix);
    while (count > 0 && System.nanoTime() - end < 0) {
      Thread.sleep(POLL_MILLIS);
      count = count(prefix);
    }
    return count;
  }

  private static String name(Path task) throws IOException {
    try {
      return Files.readString(task.resolve("comm"));
    } catch (NoSuchFileException ended) {
      return "";
    } catch (IOException e) {
      if (Files.exists(task)) {
        throw e;
      }
      return ""; // it has ended while its name was read
    }
  }
}
