// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Lifetime;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A point in the work of a {@link CudaDevice}, set by {@link CudaStream#record}. Before the first
 * recording it counts as passed. Thread-safe; {@link #close()} is idempotent.
 *
 * {@snippet :
 * try (CudaEvent begin = device.newEvent();
 *     CudaEvent end = device.newEvent()) {
 *   stream.record(begin);
 *   attention.run(stream, query, key, value, output);
 *   stream.record(end);
 *   end.synchronize();
 *   double milliseconds = end.millisecondsSince(begin);
 * }
 * }
 */
public final class CudaEvent implements AutoCloseable {
  private final CudaDevice device;
  private final MemorySegment handle;
  private final Lifetime lifetime = new Lifetime("event");

  CudaEvent(CudaDevice device, MemorySegment handle) {
    this.device = device;
    this.handle = handle;
  }

  /** The device that made this event. */
  public CudaDevice device() {
    return device;
  }

  /**
   * Waits until the device has passed this.
   *
   * @throws RaptException where work before it failed
   */
  public void synchronize() {
    enter();
    try {
      device.driver().synchronizeEvent(handle);
    } finally {
      exit();
    }
  }

  /**
   * Whether the device has passed this; never waits.
   *
   * @throws RaptException where work before it failed
   */
  public boolean hasPassed() {
    enter();
    try {
      return device.driver().hasPassed(handle);
    } finally {
      exit();
    }
  }

  /** Milliseconds of the device's time from {@code start} to this; both must have passed. */
  public double millisecondsSince(CudaEvent start) {
    MemorySegment from = Objects.requireNonNull(start, "start").handle(device);
    enter();
    try {
      start.enter();
      try {
        return device.driver().elapsed(from, handle);
      } finally {
        start.exit();
      }
    } finally {
      exit();
    }
  }

  /** Whether {@link #close()} has begun, or its device's. */
  public boolean isClosed() {
    return lifetime.isClosed();
  }

  /** Frees the event; work that waits for it still does. */
  @Override
  public void close() {
    device.release(this, this::free);
  }

  void free() {
    lifetime.close(() -> device.driver().destroyEvent(handle));
  }

  /** The rapt_event, for use on {@code user}. */
  MemorySegment handle(CudaDevice user) {
    if (user != device) {
      throw new IllegalArgumentException(
          "event is of another device, "
              + device.name()
              + "; allowed: an event that this device, "
              + user.name()
              + ", created");
    }
    return handle;
  }

  void enter() {
    device.enter();
    try {
      lifetime.enter();
    } catch (IllegalStateException closed) {
      device.exit();
      throw closed;
    }
  }

  void exit() {
    lifetime.exit();
    device.exit();
  }
}
