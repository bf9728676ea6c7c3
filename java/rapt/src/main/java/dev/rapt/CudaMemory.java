// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;

/**
 * Memory that a {@link CudaDevice} owns: on the GPU or page-locked on the host, of a fixed size.
 *
 * <p>Tensors are views of it and end with it: whoever uses one after {@link #close()} gets an
 * {@link IllegalStateException}. Closing waits for running calls and for the work on streams that
 * uses the memory, so nothing ever runs on freed memory. Thread-safe; closing is idempotent, and
 * closing the device closes its memory.
 *
 * {@snippet :
 * try (CudaMemory memory = device.allocate(4096)) {
 *   Tensor first = memory.tensor(DType.F32, 8, 64);
 *   Tensor second = memory.tensor(512, DType.F32, new long[] {8, 64}, new long[] {64, 1});
 *   stream.copy(first, second);
 * } // waits for the copy
 * }
 */
public abstract sealed class CudaMemory implements AutoCloseable
    permits DeviceMemory, PinnedMemory {
  private static final long POLL_NANOS = 100_000;

  final PendingWork pending = new PendingWork();

  private final CudaDevice device;
  private final long bytes;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment view;
  private boolean closed;

  /** Memory at {@code start}, of which Java may touch the first {@code visible} bytes. */
  CudaMemory(CudaDevice device, MemorySegment start, long bytes, long visible) {
    this.device = device;
    this.bytes = bytes;
    view = start.reinterpret(visible, arena, null);
  }

  /** The device that owns this memory. */
  public final CudaDevice device() {
    return device;
  }

  /** The size in bytes. */
  public final long bytes() {
    return bytes;
  }

  /**
   * {@code shape}: a contiguous, row-major view of the memory's beginning.
   *
   * @throws IllegalArgumentException where the view does not fit into this memory
   * @throws IllegalStateException where this memory is closed
   */
  public final Tensor tensor(DType dtype, long... shape) {
    Objects.requireNonNull(shape, "shape");
    TensorChecks.checkShape(shape);
    return tensor(0, dtype, shape, Layout.contiguousStrides(shape));
  }

  /**
   * {@code shape}: a view with element strides whose index 0 is element {@code offset}.
   *
   * @throws IllegalArgumentException where the view does not lie in this memory
   * @throws IllegalStateException where this memory is closed
   */
  public final Tensor tensor(long offset, DType dtype, long[] shape, long[] strides) {
    Objects.requireNonNull(dtype, "dtype");
    Objects.requireNonNull(shape, "shape");
    Objects.requireNonNull(strides, "strides");
    return new Tensor(view, this, offset, dtype, shape.clone(), strides.clone());
  }

  /** Whether {@link #close()} has begun, or its device's. */
  public final boolean isClosed() {
    return !view.scope().isAlive();
  }

  /**
   * Ends all views, waits for the calls and enqueued work that use them, and frees the memory.
   * Idempotent.
   */
  @Override
  public final void close() {
    device.release(this, this::free);
  }

  /** What {@link #close()} does once the device is held open. */
  final synchronized void free() {
    if (closed) {
      return;
    }
    closed = true;
    endViews();
    pending.await();
    destroy();
  }

  /** Gives the memory back; nothing uses it. */
  abstract void destroy();

  final MemorySegment view() {
    return view;
  }

  /** A call in progress holds the arena; no new one can begin once it is closed. */
  private void endViews() {
    while (true) {
      try {
        arena.close();
        return;
      } catch (IllegalStateException inUse) {
        LockSupport.parkNanos(this, POLL_NANOS);
      }
    }
  }
}
