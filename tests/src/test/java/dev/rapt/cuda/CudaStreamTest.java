// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.CudaDevice;
import dev.rapt.CudaEvent;
import dev.rapt.CudaStream;
import dev.rapt.DType;
import dev.rapt.DeviceMemory;
import dev.rapt.PinnedMemory;
import dev.rapt.Tensor;
import dev.rapt.check.Cuda;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Streams and events: order, waiting, and closing in any order. */
class CudaStreamTest {
  private CudaDevice device;

  @BeforeEach
  void open() {
    device = Cuda.open();
  }

  @AfterEach
  void close() {
    if (device != null) {
      device.close();
    }
  }

  @Test
  void eventsPassInOrder() {
    try (CudaStream first = device.newStream();
        CudaStream second = device.newStream();
        CudaEvent start = device.newEvent();
        CudaEvent end = device.newEvent();
        DeviceMemory memory = device.allocate(4096);
        PinnedMemory pinned = device.allocatePinned(4096)) {
      assertTrue(start.hasPassed(), "an event that was never recorded has passed");
      Tensor host = pinned.tensor(DType.F32, 1024);
      Tensor there = memory.tensor(DType.F32, 1024);
      host.set(42, 1023);
      first.record(start);
      first.copy(host, there);
      first.record(end);
      second.await(end);
      second.copy(there, host);
      second.synchronize();
      assertTrue(start.hasPassed() && end.hasPassed());
      end.synchronize();
      assertTrue(end.millisecondsSince(start) >= 0);
      assertEquals(42, host.get(1023));
    }
  }

  @Test
  void wrapsTheDefaultStream() {
    try (CudaStream stream = device.wrapStream(0);
        DeviceMemory memory = device.allocate(64);
        PinnedMemory pinned = device.allocatePinned(64)) {
      stream.copy(pinned.tensor(DType.F32, 16), memory.tensor(DType.F32, 16));
      stream.synchronize();
    }
  }

  @Test
  void closingIsIdempotentAndFinal() {
    CudaStream stream = device.newStream();
    CudaEvent event = device.newEvent();
    stream.record(event);
    stream.close();
    stream.close();
    assertTrue(stream.isClosed());
    assertClosed("stream is closed", stream::synchronize);
    assertClosed("stream is closed", () -> stream.record(event));
    event.close();
    event.close();
    assertTrue(event.isClosed());
    assertClosed("event is closed", event::hasPassed);
    device.close();
    assertClosed("device is closed", event::synchronize);
    assertClosed("device is closed", device::newStream);
  }

  @Test
  void memoryMayCloseBeforeTheStreamsThatUsedIt() {
    CudaStream stream = device.newStream();
    CudaStream gone = device.newStream();
    DeviceMemory memory = device.allocate(64);
    PinnedMemory pinned = device.allocatePinned(64);
    stream.copy(pinned.tensor(DType.F32, 16), memory.tensor(DType.F32, 16));
    gone.copy(pinned.tensor(DType.F32, 16), memory.tensor(DType.F32, 16));
    gone.close();
    memory.close();
    stream.close();
    pinned.close();
  }

  @Test
  void refusesWhatIsOfAnotherDevice() {
    try (CudaDevice other = Cuda.open();
        CudaEvent foreign = other.newEvent();
        CudaStream stream = device.newStream();
        CudaEvent own = device.newEvent()) {
      for (Executable use :
          new Executable[] {
            () -> stream.record(foreign),
            () -> stream.await(foreign),
            () -> own.millisecondsSince(foreign)
          }) {
        assertEquals(
            "event is of another device, cuda:0; allowed: an event that this device, cuda:0,"
                + " created",
            assertThrows(IllegalArgumentException.class, use).getMessage());
      }
    }
  }

  @Test
  void namesWhatIsMissing() {
    try (CudaStream stream = device.newStream();
        CudaEvent event = device.newEvent()) {
      missing("event", () -> stream.record(null));
      missing("event", () -> stream.await(null));
      missing("start", () -> event.millisecondsSince(null));
      missing("dtype", () -> device.allocate(null, 4));
      missing("shape", () -> device.allocate(DType.F32, (long[]) null));
    }
  }

  private static void missing(String name, Executable action) {
    assertEquals(name, assertThrows(NullPointerException.class, action).getMessage());
  }

  private static void assertClosed(String message, Runnable action) {
    assertEquals(message, assertThrows(IllegalStateException.class, action::run).getMessage());
  }
}
