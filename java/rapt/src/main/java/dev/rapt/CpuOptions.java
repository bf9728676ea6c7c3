// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import org.jspecify.annotations.Nullable;

/**
 * How to open the CPU. Immutable.
 *
 * {@snippet :
 * CpuOptions options = CpuOptions.builder().threads(4).isa(Isa.AVX2).build();
 * try (Device device = Device.cpu(options)) {
 *   System.out.println(device.description());
 * }
 * }
 */
public final class CpuOptions {
  static final int MAX_THREADS = 1024;

  private final int threads;
  private final @Nullable Isa isa;
  private final boolean pinWorkers;

  private CpuOptions(Builder builder) {
    threads = builder.threads;
    isa = builder.isa;
    pinWorkers = builder.pinWorkers;
  }

  /**
   * A builder whose defaults are a thread for each usable logical CPU, the best tier and workers
   * unbound.
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Threads that work on one call, the calling thread among them; 0 = as many as {@link
   * Capabilities.Cpu#logicalCpus()}.
   */
  public int threads() {
    return threads;
  }

  /** The tier; null = the best usable one, or the one that {@code RAPT_ISA} names. */
  public @Nullable Isa isa() {
    return isa;
  }

  /** Whether each worker thread stays on one CPU. */
  public boolean pinWorkers() {
    return pinWorkers;
  }

  /** Collects options. Not thread-safe. */
  public static final class Builder {
    private int threads;
    private @Nullable Isa isa;
    private boolean pinWorkers;

    private Builder() {}

    /**
     * Threads that work on one call, the calling thread among them, 1 to 1024; 0, the default, is
     * {@link Capabilities.Cpu#logicalCpus()}: one for each CPU of the process's affinity mask, or
     * fewer where a container's CPU quota or {@code -XX:ActiveProcessorCount} allows fewer.
     *
     * @throws IllegalArgumentException for any other number
     */
    public Builder threads(int threads) {
      if (threads < 0 || threads > MAX_THREADS) {
        throw new IllegalArgumentException(
            "threads is " + threads + "; allowed: 0 (all) to " + MAX_THREADS);
      }
      this.threads = threads;
      return this;
    }

    /**
     * The tier; null, the default, is the one that the environment variable {@code RAPT_ISA} names,
     * in capitals or not, or else the best usable one.
     */
    public Builder isa(@Nullable Isa isa) {
      this.isa = isa;
      return this;
    }

    /**
     * Whether each worker thread stays on one CPU, for a process that has its CPUs to itself;
     * calling threads are never bound. Not by default.
     */
    public Builder pinWorkers(boolean pinWorkers) {
      this.pinWorkers = pinWorkers;
      return this;
    }

    /** The options collected so far. */
    public CpuOptions build() {
      return new CpuOptions(this);
    }
  }
}
