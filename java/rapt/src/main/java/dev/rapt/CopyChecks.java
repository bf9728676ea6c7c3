// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/** What the two tensors of a copy must satisfy, and how the driver is told of them. */
final class CopyChecks {
  private CopyChecks() {}

  static void check(CudaDevice device, Tensor from, Tensor to) {
    Objects.requireNonNull(from, "from");
    Objects.requireNonNull(to, "to");
    operand(device, "from", from);
    operand(device, "to", to);
    if (to.segment().isReadOnly()) {
      throw new IllegalArgumentException(
          "to lies in a read-only segment; allowed: writable memory");
    }
    if (from.dtype() != to.dtype() || !Arrays.equals(from.shape(), to.shape())) {
      throw new IllegalArgumentException(
          "to is " + to + "; allowed: the type and shape of from, " + from);
    }
    if (!from.isOnDevice() && !to.isOnDevice()) {
      throw new IllegalArgumentException(
          "from and to lie in host memory; allowed: at least one on " + device.name());
    }
    Checks.disjoint("to", to, "from", from);
  }

  private static void operand(CudaDevice device, String name, Tensor tensor) {
    Checks.alive(name, tensor);
    if (!tensor.isContiguous()) {
      throw new IllegalArgumentException(name + " is " + tensor + "; allowed: contiguous tensors");
    }
    CudaMemory memory = tensor.memory();
    if (memory != null && memory.device() != device) {
      throw new IllegalArgumentException(
          name
              + " lies in memory of another device, "
              + memory.device().name()
              + "; allowed: memory that this device, "
              + device.name()
              + ", allocated");
    }
  }

  /** That a copy may go on while Java does. */
  static void pinned(String name, Tensor tensor) {
    if (tensor.memory() == null) {
      throw new IllegalArgumentException(
          name
              + " lies in ordinary host memory; allowed on a stream: device memory and"
              + " PinnedMemory, through its tensor()");
    }
  }

  /**
   * A segment of 0 bytes at index (0, ..., 0) whose scope is the memory's, which the copy keeps
   * open.
   */
  static MemorySegment pointer(Tensor tensor) {
    return pointer(tensor, tensor.address());
  }

  /** The same at another address inside the memory. */
  static MemorySegment pointer(Tensor tensor, long address) {
    long distance = address - tensor.segment().address();
    // A device's segment has no bytes to slice.
    return tensor.segment().reinterpret(distance).asSlice(distance, 0);
  }

  static long bytes(Tensor tensor) {
    return tensor.elements() * tensor.dtype().bytes();
  }
}
