// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Lifetime;
import dev.rapt.internal.call.Backend;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A queue of work on a {@link CudaDevice}: calls and copies return once they are enqueued and run
 * one after the other.
 *
 * <p>Memory and weights may be closed at any time: closing them waits for the work that uses them.
 * {@link #synchronize()} throws where enqueued work has failed. Thread-safe, but the order of calls
 * from several threads is not defined. {@link #close()} is idempotent and waits for the work
 * enqueued; a stream that is being captured into a graph it leaves to the capture.
 *
 * {@snippet :
 * try (CudaStream stream = device.newStream()) {
 *   attention.run(stream, query, key, value, output);
 *   stream.copy(output, pinned.tensor(DType.F32, 1, 8, 16, 64));
 *   stream.synchronize();
 * }
 * }
 */
public final class CudaStream extends Place implements AutoCloseable {
  private final CudaDevice device;
  private final MemorySegment handle;
  private final Backend backend;
  private final Lifetime lifetime = new Lifetime("stream");

  CudaStream(CudaDevice device, MemorySegment handle) {
    this.device = device;
    this.handle = handle;
    backend = device.driver().on(handle);
  }

  /** The device on which the work runs. */
  @Override
  public CudaDevice device() {
    return device;
  }

  /**
   * Waits until all work enqueued so far is done.
   *
   * @throws RaptException where some of it failed, and while a stream of CUDA's that this one wraps
   *     is being captured into a graph
   */
  public void synchronize() {
    enter();
    try {
      device.driver().synchronizeStream(handle);
    } finally {
      exit();
    }
  }

  /** Marks the current end of the stream, so that others can wait for it. */
  public void record(CudaEvent event) {
    MemorySegment mark = Objects.requireNonNull(event, "event").handle(device);
    enter();
    try {
      event.enter();
      try {
        device.driver().record(mark, handle);
      } finally {
        event.exit();
      }
    } finally {
      exit();
    }
  }

  /** Holds back what is enqueued from now on until the device has passed the event. */
  public void await(CudaEvent event) {
    MemorySegment mark = Objects.requireNonNull(event, "event").handle(device);
    enter();
    try {
      event.enter();
      try {
        device.driver().await(handle, mark);
      } finally {
        event.exit();
      }
    } finally {
      exit();
    }
  }

  /**
   * Enqueues a copy between contiguous tensors of equal type and shape, each on the device or in
   * {@link PinnedMemory}. For other host memory there is {@link CudaDevice#copy}, which waits.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where this or a tensor's memory is closed
   */
  public void copy(Tensor from, Tensor to) {
    CopyChecks.check(device, from, to);
    CopyChecks.pinned("from", from);
    CopyChecks.pinned("to", to);
    from.memory().pending.on(this);
    to.memory().pending.on(this);
    enter();
    try {
      device
          .driver()
          .copy(CopyChecks.pointer(to), CopyChecks.pointer(from), CopyChecks.bytes(from), handle);
    } catch (IllegalStateException closed) {
      throw Checks.closedMeanwhile(Checks.closedMeanwhile(closed, "to", to), "from", from);
    } finally {
      exit();
    }
  }

  /** Whether {@link #close()} has begun, or its device's. */
  public boolean isClosed() {
    return lifetime.isClosed();
  }

  /** Waits for the work enqueued and frees the stream; a wrapped one stays its owner's. */
  @Override
  public void close() {
    device.release(this, this::free);
  }

  void free() {
    lifetime.close(
        () -> {
          try {
            device.driver().synchronizeStream(handle);
          } catch (RaptException refused) {
            // Nobody can wait for a stream that is being captured into a graph.
            if (refused.status() != RaptStatus.INVALID_ARGUMENT) {
              throw refused;
            }
          } finally {
            device.driver().destroyStream(handle);
          }
        });
  }

  /**
   * Waits for the work enqueued, also where another thread is closing this. Whether the work failed
   * is for those who wait for its results; here it only matters that nothing runs any more.
   */
  void settle() {
    try {
      lifetime.enter();
    } catch (IllegalStateException closing) {
      quietly(this::free);
      return;
    }
    try {
      quietly(() -> device.driver().synchronizeStream(handle));
    } finally {
      lifetime.exit();
    }
  }

  private static void quietly(Runnable wait) {
    try {
      wait.run();
    } catch (RaptException reported) {
      // To be seen by synchronize() or by closing the stream.
    }
  }

  @Override
  Backend backend() {
    return backend;
  }

  @Override
  void enter() {
    device.enter();
    try {
      lifetime.enter();
    } catch (IllegalStateException closed) {
      device.exit();
      throw closed;
    }
  }

  @Override
  void exit() {
    lifetime.exit();
    device.exit();
  }

  @Override
  void admit(String name, @Nullable Tensor tensor) {
    device.admit(name, tensor);
    if (tensor != null) {
      tensor.memory().pending.on(this);
    }
  }

  @Override
  void note(PendingWork pending) {
    pending.on(this);
  }

  /** For example {@code stream of cuda:0}. */
  @Override
  public String toString() {
    return "stream of " + device.name();
  }
}
