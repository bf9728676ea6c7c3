// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import dev.rapt.CudaDevice;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.Tensor;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The device's side of the encoder's buffers. A device that computes in host memory uses the
 * buffers themselves; a GPU has a copy of each, grown as needed. Not thread-safe.
 */
final class DeviceBuffers implements AutoCloseable {
  enum Slot {
    HIDDEN,
    PROJECTIONS,
    ATTENDED,
    PROJECTED,
    INNER,
    WEIGHTS
  }

  private final @Nullable CudaDevice cuda;
  private final Map<Slot, DeviceMemory> memories = new EnumMap<>(Slot.class);

  DeviceBuffers(Device device) {
    cuda = device instanceof CudaDevice gpu ? gpu : null;
  }

  /** Whether the device computes in host memory. */
  boolean areOnHost() {
    return cuda == null;
  }

  /** The tensor that calls take in place of a contiguous host tensor; its values are undefined. */
  Tensor of(Slot slot, Tensor host) {
    if (cuda == null) {
      return host;
    }
    long bytes = host.elements() * host.dtype().bytes();
    DeviceMemory memory = memories.get(slot);
    if (memory == null || memory.bytes() < bytes) {
      if (memory != null) {
        memory.close();
      }
      memory = cuda.allocate(bytes);
      memories.put(slot, memory);
    }
    return memory.tensor(host.dtype(), host.shape());
  }

  /** The same with the host tensor's values. */
  Tensor upload(Slot slot, Tensor host) {
    Tensor tensor = of(slot, host);
    if (cuda != null) {
      cuda.copy(host, tensor);
    }
    return tensor;
  }

  /** Copies what a call has written to the host tensor. */
  void download(Slot slot, Tensor host) {
    if (cuda != null) {
      cuda.copy(of(slot, host), host);
    }
  }

  @Override
  public void close() {
    memories.values().forEach(DeviceMemory::close);
    memories.clear();
  }
}
