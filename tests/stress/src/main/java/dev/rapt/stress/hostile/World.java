// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import dev.rapt.Capabilities;
import dev.rapt.CpuOptions;
import dev.rapt.CudaDevice;
import dev.rapt.CudaStream;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.SynchronousQueue;
import org.jspecify.annotations.Nullable;

/** What all calls share: devices that are open and closed, and memory that is not theirs. */
final class World implements AutoCloseable {
  /** Of the memory that others own: more than any tensor here needs. */
  static final long BYTES = 1 << 18;

  final Device[] open = {
    Device.cpu(CpuOptions.builder().threads(2).build()),
    Device.cpu(CpuOptions.builder().threads(1).isa(Isa.PORTABLE).build()),
    Device.java()
  };
  final Device[] closed = {Device.cpu(CpuOptions.builder().threads(2).build()), Device.java()};

  /** Of an arena that is confined to another thread. */
  final MemorySegment confined;

  /** On a GPU; null where there is none, not even an emulated one. */
  final @Nullable DeviceMemory onDevice;

  /** Of that GPU. */
  final @Nullable CudaStream stream;

  private final @Nullable CudaDevice cuda;
  private final CountDownLatch end = new CountDownLatch(1);

  World() throws InterruptedException {
    for (Device device : closed) {
      device.close();
    }
    SynchronousQueue<MemorySegment> handed = new SynchronousQueue<>();
    Thread.ofPlatform().daemon().name("owner").start(() -> own(handed));
    confined = handed.take();
    boolean hasCuda = Capabilities.probe().cudaReason().isEmpty();
    cuda = hasCuda ? Device.cuda() : null;
    onDevice = cuda == null ? null : cuda.allocate(BYTES);
    stream = cuda == null ? null : cuda.newStream();
  }

  private void own(SynchronousQueue<MemorySegment> handed) {
    try (Arena arena = Arena.ofConfined()) {
      handed.put(arena.allocate(BYTES, 64));
      end.await();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    end.countDown();
    for (Device device : open) {
      device.close();
    }
    if (cuda != null) {
      cuda.close();
    }
  }
}
