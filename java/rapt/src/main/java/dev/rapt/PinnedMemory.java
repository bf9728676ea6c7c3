// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.lang.foreign.MemorySegment;

/**
 * Page-locked host memory, from {@link CudaDevice#allocatePinned}: Java reads and writes it like
 * any other, and a GPU copies from and to it at full speed while Java goes on. Not zeroed.
 *
 * {@snippet :
 * try (PinnedMemory pinned = device.allocatePinned(4096)) {
 *   Tensor staged = pinned.tensor(DType.F32, 1, 8, 2, 64);
 *   staged.fill(0.5f);
 *   stream.copy(staged, query); // query lies on the device
 * }
 * }
 */
public final class PinnedMemory extends CudaMemory {
  PinnedMemory(CudaDevice device, MemorySegment memory, long bytes) {
    super(device, memory, bytes, bytes);
  }

  /**
   * The memory as a segment, which any thread may use until this is closed. For copies on a stream
   * take tensors from {@link #tensor(DType, long...)}: a tensor made from the segment counts as
   * ordinary host memory, which a stream refuses.
   */
  public MemorySegment segment() {
    return view();
  }

  @Override
  void destroy() {
    if (bytes() != 0) {
      device().driver().freePinned(MemorySegment.ofAddress(view().address()));
    }
  }

  /** For example {@code 4096 pinned bytes of cuda:0}. */
  @Override
  public String toString() {
    return bytes() + " pinned bytes of " + device().name();
  }
}
