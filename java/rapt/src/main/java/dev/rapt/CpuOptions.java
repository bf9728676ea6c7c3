// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How to open the CPU.
 *
 * @param threads threads that work on one call, the calling thread among them; 0 = all logical CPUs
 *     of the process; at most 1024
 * @param isa the tier; null = the best usable one, or the one the environment variable {@code
 *     RAPT_ISA} names
 */
public record CpuOptions(int threads, @Nullable Isa isa) {
  private static final int MAX_THREADS = 1024;

  /** Checks the number of threads. */
  public CpuOptions {
    if (threads < 0 || threads > MAX_THREADS) {
      throw new IllegalArgumentException(
          "threads is " + threads + "; allowed: 0 (all) to " + MAX_THREADS);
    }
  }

  /** All threads, best tier. */
  public static CpuOptions defaults() {
    return new CpuOptions(0, null);
  }

  /** These options with another number of threads. */
  public CpuOptions withThreads(int newThreads) {
    return new CpuOptions(newThreads, isa);
  }

  /** These options with a fixed tier. */
  public CpuOptions withIsa(Isa newIsa) {
    return new CpuOptions(threads, Objects.requireNonNull(newIsa, "isa"));
  }
}
