// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import dev.rapt.CudaDevice;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Host tensors where a device computes: on a GPU the whole buffers, poison included, and back
 * again; on any other device the tensors themselves.
 */
public final class Staging implements AutoCloseable {
  private record Moved(MemorySegment host, DeviceMemory memory) {}

  private final CudaDevice device;
  private final Map<Long, Moved> buffers = new LinkedHashMap<>();

  private Staging(CudaDevice device) {
    this.device = device;
  }

  public static Staging on(Device device) {
    return new Staging(device instanceof CudaDevice cuda ? cuda : null);
  }

  /** The tensor for calls on the device; null stays null. */
  public Tensor put(Tensor host) {
    if (host == null || device == null) {
      return host;
    }
    Moved moved =
        buffers.computeIfAbsent(host.segment().address(), address -> upload(host.segment()));
    return moved.memory.tensor(host.offset(), host.dtype(), host.shape(), host.strides());
  }

  private Moved upload(MemorySegment host) {
    Moved moved = new Moved(host, device.allocate(host.byteSize()));
    device.copy(bytes(host), moved.memory.tensor(DType.BOOL, host.byteSize()));
    return moved;
  }

  /** Brings every buffer back, inputs too: what was written beside a tensor shows. */
  public void fetch() {
    for (Moved moved : buffers.values()) {
      device.copy(moved.memory.tensor(DType.BOOL, moved.host.byteSize()), bytes(moved.host));
    }
  }

  private static Tensor bytes(MemorySegment segment) {
    return Tensor.of(segment, DType.BOOL, segment.byteSize());
  }

  @Override
  public void close() {
    buffers.values().forEach(moved -> moved.memory.close());
  }
}
