// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.CudaDevice;
import dev.rapt.CudaOptions;
import dev.rapt.CudaStream;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.PinnedMemory;
import dev.rapt.RaptException;
import dev.rapt.RaptStatus;
import dev.rapt.Tensor;
import dev.rapt.check.Cuda;
import dev.rapt.check.CudaDriver;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * CUDA contexts that somebody else made by the driver's own interface. The emulated device ends the
 * program where something is used in another context than its own.
 */
class CudaContextTest {
  private CudaDriver driver;
  private MemorySegment foreign;

  @BeforeEach
  void create() {
    // The plug-in, in which the emulated driver is.
    Cuda.device();
    driver = Cuda.driver();
    foreign = driver.createContext();
  }

  @AfterEach
  void destroy() {
    if (foreign != null) {
      driver.makeCurrent(MemorySegment.NULL);
      driver.destroyContext(foreign);
    }
  }

  @Test
  void worksInTheForeignContextFromAnywhere() {
    CudaOptions options = CudaOptions.builder().currentContext(true).build();
    try (CudaDevice device = Device.cuda(options)) {
      assertEquals(foreign, driver.current(), "opening has changed the thread's context");
      driver.makeCurrent(MemorySegment.NULL);
      try (CudaStream stream = device.newStream();
          DeviceMemory memory = device.allocate(4096);
          PinnedMemory pinned = device.allocatePinned(4096)) {
        Tensor host = pinned.tensor(DType.F32, 1024);
        Tensor there = memory.tensor(DType.F32, 1024);
        host.set(42, 1023);
        stream.copy(host, there);
        stream.synchronize();
        host.set(0, 1023);
        device.copy(there, host);
        assertEquals(42, host.get(1023));
      }
      assertEquals(MemorySegment.NULL, driver.current(), "a thread without a context has one now");
    }
  }

  @Test
  void takesStreamsOfItsOwnContextOnly() {
    CudaOptions options = CudaOptions.builder().currentContext(true).build();
    MemorySegment stream = driver.createStream();
    try (CudaDevice device = Device.cuda(options)) {
      device.wrapStream(stream.address()).close();
      CudaDevice primary = Cuda.device();
      RaptException refused =
          assertThrows(RaptException.class, () -> primary.wrapStream(stream.address()));
      assertEquals(RaptStatus.INVALID_ARGUMENT, refused.status());
      assertTrue(
          refused.getMessage().contains("allowed: one of the primary context of CUDA device 0"),
          refused.getMessage());
    } finally {
      driver.makeCurrent(foreign);
      driver.destroyStream(stream);
    }
  }

  @Test
  void closingLeavesACaptureWhole() {
    CudaOptions options = CudaOptions.builder().currentContext(true).build();
    MemorySegment captured = driver.createStream();
    try (CudaDevice device = Device.cuda(options)) {
      CudaStream stream = device.wrapStream(captured.address());
      DeviceMemory memory = device.allocate(4096);
      DeviceMemory another = device.allocate(4096);
      Tensor from = memory.tensor(DType.F32, 1024);
      Tensor to = another.tensor(DType.F32, 1024);
      stream.copy(from, to);
      driver.beginCapture(captured);
      stream.copy(from, to);
      RaptException refused = assertThrows(RaptException.class, stream::synchronize);
      assertEquals(RaptStatus.INVALID_ARGUMENT, refused.status());
      assertTrue(refused.getMessage().contains("is being captured"), refused.getMessage());
      another.close();
      stream.close();
      driver.endCapture(captured);
    } finally {
      driver.makeCurrent(foreign);
      driver.destroyStream(captured);
    }
  }
}
