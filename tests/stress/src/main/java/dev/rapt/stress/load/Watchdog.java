// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;

/** Ends the process with a dump of all threads, virtual ones too, when a call does not end. */
final class Watchdog {
  /** The exit code of a hang. */
  static final int EXIT = 3;

  /** A thousand callers may wait for two CPUs, and none of them that long. */
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(180);

  private final AtomicLongArray begun;

  /** Watches callers, each of which says since when it is at its call; 0 = at none. */
  Watchdog(AtomicLongArray begun) {
    this.begun = begun;
  }

  void look() {
    long now = System.nanoTime();
    for (int caller = 0; caller < begun.length(); caller++) {
      long since = begun.get(caller);
      if (since != 0 && now - since > PATIENCE_NANOS) {
        end("caller " + caller + " is at one call for " + (now - since) / 1_000_000_000 + " s");
      }
    }
  }

  /** Prints the threads and ends the process, without hooks that may hang too. */
  static void end(String reason) {
    System.err.println("stress: " + reason);
    try {
      Path file = Files.createTempDirectory("rapt-stress").resolve("threads.txt");
      ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
          .dumpThreads(file.toString(), HotSpotDiagnosticMXBean.ThreadDumpFormat.TEXT_PLAIN);
      System.err.println(Files.readString(file));
    } catch (IOException e) {
      System.err.println("stress: no dump of the threads: " + e);
    }
    Runtime.getRuntime().halt(EXIT);
  }
}
