// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Samples of the process's resident memory. It counts as flat if, after the first sixth of the run,
 * in which caches fill and code is compiled, the median of the last third is at most 3 % above that
 * of the first third.
 */
final class Resident {
  private static final double ALLOWED_GROWTH = 0.03;
  private static final int WARM_UP = 6;
  private static final int PARTS = 3;

  /** With fewer, a garbage collection more or less decides. */
  private static final int FEWEST = 60;

  private final List<Long> kilobytes = new ArrayList<>();

  /** Takes a sample. */
  void sample() {
    add(status("VmRSS"));
  }

  /** Adds a sample. */
  void add(long sample) {
    kilobytes.add(sample);
  }

  /** Medians of the first and of the last third after the warm-up, in MiB. */
  double[] medians() {
    List<Long> warm = kilobytes.subList(kilobytes.size() / WARM_UP, kilobytes.size());
    int part = Math.max(1, warm.size() / PARTS);
    return new double[] {
      median(warm.subList(0, part)), median(warm.subList(warm.size() - part, warm.size()))
    };
  }

  private static double median(List<Long> part) {
    return part.stream().sorted().toList().get(part.size() / 2) / 1024.0;
  }

  /** Growth from the one to the other, as a share. */
  double growth() {
    double[] medians = medians();
    return medians[1] / medians[0] - 1;
  }

  /** Whether there are enough samples to say anything. */
  boolean isEnough() {
    return kilobytes.size() >= FEWEST;
  }

  boolean isFlat() {
    return growth() <= ALLOWED_GROWTH;
  }

  private static long status(String key) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith(key + ":")) {
          return Long.parseLong(line.replaceAll("\\D", ""));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    throw new IllegalStateException("/proc/self/status has no " + key);
  }
}
