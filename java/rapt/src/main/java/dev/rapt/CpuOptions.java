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
 * @param pinWorkers whether each worker thread stays on one CPU, for a process that has its CPUs to
 *     itself; calling threads are never bound
 */
public record CpuOptions(int threads, @Nullable Isa isa, boolean pinWorkers) {
  private static final int MAX_THREADS = 1024;

  /** Checks the number of threads. */
  public CpuOptions {
    if (threads < 0 || threads > MAX_THREADS) {
      throw new IllegalArgumentException(
          "threads is " + threads + "; allowed: 0 (all) to " + MAX_THREADS);
    }
  }

  /** Workers on any CPU. */
  public CpuOptions(int threads, @Nullable Isa isa) {
    this(threads, isa, false);
  }

  /** All threads, best tier, workers on any CPU. */
  public static CpuOptions defaults() {
    return new CpuOptions(0, null);
  }

  /** These options with another number of threads. */
  public CpuOptions withThreads(int newThreads) {
    return new CpuOptions(newThreads, isa, pinWorkers);
  }

  /** These options with a fixed tier. */
  public CpuOptions withIsa(Isa newIsa) {
    return new CpuOptions(threads, Objects.requireNonNull(newIsa, "isa"), pinWorkers);
  }

  /** These options with workers bound to a CPU each, or not. */
  public CpuOptions withPinnedWorkers(boolean newPinWorkers) {
    return new CpuOptions(threads, isa, newPinWorkers);
  }
}
