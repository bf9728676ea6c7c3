// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Backend;
import dev.rapt.internal.Lifetime;
import java.util.Optional;

/**
 * Where calls run, with the threads and scratch memory they need.
 *
 * <p>Thread-safe: any number of threads may run calls on one device; they share its workers and
 * never oversubscribe them. Equal inputs give equal bits, whatever the number of threads and
 * callers. {@link #close()} is idempotent and waits for running calls; after it, calls throw {@link
 * IllegalStateException}.
 */
public abstract sealed class Device implements AutoCloseable permits CpuDevice, JavaDevice {
  private static final System.Logger LOGGER = System.getLogger(Device.class.getName());

  private final Backend backend;
  private final Lifetime lifetime = new Lifetime("device");

  Device(Backend backend) {
    this.backend = backend;
  }

  /**
   * The best device of this machine: the CPU at its best tier or, where the native library cannot
   * be loaded, the Java reference. Falling back is logged in one line that says why, and so does
   * {@link #description()}.
   *
   * @throws RaptException where the library is there but refuses, for example the tier that {@code
   *     RAPT_ISA} names: falling back would hide the mistake
   */
  public static Device best() {
    try {
      return cpu();
    } catch (RaptException unavailable) {
      if (unavailable.status() != Status.DEVICE_UNAVAILABLE) {
        throw unavailable;
      }
      LOGGER.log(
          System.Logger.Level.WARNING,
          "Rapt falls back to its slow Java reference: {0}",
          unavailable.getMessage());
      return JavaDevice.insteadOf(unavailable.getMessage());
    }
  }

  /**
   * The CPU with all its threads and its best tier.
   *
   * @throws RaptException naming the reason where the native library cannot be used
   */
  public static Device cpu() {
    return cpu(CpuOptions.defaults());
  }

  /**
   * The CPU with a given number of threads and tier.
   *
   * @throws RaptException naming the reason where native library or tier cannot be used
   */
  public static Device cpu(CpuOptions options) {
    return CpuDevice.open(options);
  }

  /** The reference: plain Java in double, on the calling thread. Slow, always there. */
  public static Device java() {
    return JavaDevice.reference();
  }

  /** A short name: {@code cpu} or {@code java}. */
  public abstract String name();

  /** One sentence: tier, threads, processor, and what was not available. */
  public abstract String description();

  /** Threads that work on one call at most, the calling thread among them. */
  public abstract int threads();

  /** The tier of a CPU device. */
  public abstract Optional<Isa> isa();

  /** Waits for running calls, then ends the threads and frees all scratch. Idempotent. */
  @Override
  public void close() {
    lifetime.close(backend::close);
  }

  /** Whether {@link #close()} has begun. */
  public boolean isClosed() {
    return lifetime.isClosed();
  }

  /** The {@link #description()}. */
  @Override
  public String toString() {
    return description();
  }

  final Backend backend() {
    return backend;
  }

  /** Begins a call, so that closing waits for its {@link #exit()}. */
  final void enter() {
    lifetime.enter();
  }

  final void exit() {
    lifetime.exit();
  }
}
