// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.lang.foreign.MemorySegment;

/**
 * Memory of a GPU, from {@link CudaDevice#allocate(long)} or {@link CudaDevice#wrap}. Calls on that
 * device read and write it; Java cannot touch it, and brings values in and out by copies.
 *
 * {@snippet :
 * try (DeviceMemory memory = device.allocate(DType.F32, 8, 64)) {
 *   Tensor onDevice = memory.tensor(DType.F32, 8, 64);
 *   device.copy(Tensor.allocate(arena, DType.F32, 8, 64), onDevice);
 * }
 * }
 */
public final class DeviceMemory extends CudaMemory {
  private final long address;
  private final boolean foreign;

  DeviceMemory(CudaDevice device, long address, long bytes, boolean foreign) {
    // Of 0 bytes: Java cannot touch it, and calls still get its address and keep it open.
    super(device, MemorySegment.ofAddress(address), bytes, 0);
    this.address = address;
    this.foreign = foreign;
  }

  /** The address on the device; valid until this is closed. */
  public long address() {
    return address;
  }

  @Override
  void destroy() {
    if (!foreign && address != 0) {
      device().driver().freeDevice(address);
    }
  }

  /** For example {@code 4096 bytes on cuda:0}. */
  @Override
  public String toString() {
    return bytes() + " bytes on " + device().name();
  }
}
