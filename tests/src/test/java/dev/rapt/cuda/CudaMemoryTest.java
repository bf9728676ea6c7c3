// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.CudaDevice;
import dev.rapt.CudaDevice.MemoryInfo;
import dev.rapt.CudaStream;
import dev.rapt.DType;
import dev.rapt.DeviceMemory;
import dev.rapt.PinnedMemory;
import dev.rapt.RaptException;
import dev.rapt.RaptStatus;
import dev.rapt.Tensor;
import dev.rapt.check.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Device memory and pinned memory: sized, bounded, and gone once closed. */
class CudaMemoryTest {
  private static final float[] DATA = {1, -2, 3, 0.5f, 0, 65504};

  private final Arena arena = Arena.ofShared();
  private CudaDevice device;

  @BeforeEach
  void open() {
    device = Cuda.open();
  }

  @AfterEach
  void close() {
    arena.close();
    if (device != null) {
      device.close();
    }
  }

  @Test
  void copiesThereAndBack() {
    for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
      Tensor from = Tensor.copyOf(arena, dtype, DATA, 2, 3);
      Tensor to = Tensor.allocate(arena, dtype, 2, 3);
      try (DeviceMemory memory = device.allocate(dtype, 2, 3);
          DeviceMemory other = device.allocate(1024)) {
        assertEquals(6L * dtype.bytes(), memory.bytes());
        device.copy(from, memory.tensor(dtype, 2, 3));
        Tensor second = other.tensor(dtype, 4, 3).slice(0, 2, 4); // the views' own offset is heeded
        device.copy(memory.tensor(dtype, 2, 3), second);
        device.copy(second, to);
        assertArrayEquals(from.toFloatArray(), to.toFloatArray());
      }
    }
  }

  @Test
  void copiesOnAStreamThroughPinnedMemory() {
    try (CudaStream stream = device.newStream();
        DeviceMemory memory = device.allocate(24);
        PinnedMemory pinned = device.allocatePinned(48)) {
      Tensor from = pinned.tensor(DType.F32, 6);
      Tensor to = pinned.tensor(6, DType.F32, new long[] {6}, new long[] {1});
      from.copyFrom(DATA);
      stream.copy(from, memory.tensor(DType.F32, 6));
      stream.copy(memory.tensor(DType.F32, 6), to);
      stream.synchronize();
      assertArrayEquals(DATA, to.toFloatArray());
      assertEquals(1, pinned.segment().get(ValueLayout.JAVA_FLOAT, 24));
      rejected(
          "PinnedMemory",
          () -> stream.copy(Tensor.allocate(arena, DType.F32, 6), memory.tensor(DType.F32, 6)));
    }
  }

  @Test
  void viewsKnowTheirBounds() {
    try (DeviceMemory memory = device.allocate(64);
        PinnedMemory pinned = device.allocatePinned(64)) {
      rejected("elements 0 to 16", () -> memory.tensor(DType.F32, 17));
      rejected("elements 0 to 32", () -> memory.tensor(DType.F16, 33));
      rejected("elements 0 to 16", () -> pinned.tensor(DType.F32, 17));
      rejected("-1", () -> memory.tensor(0, DType.F32, new long[] {2}, new long[] {-1}));
      assertEquals(16, memory.tensor(DType.F32, 4, 4).permute(1, 0).elements());
      assertEquals(0, device.allocate(0).tensor(DType.F32, 0, 4).elements());
    }
    rejected("bytes is -1", () -> device.allocate(-1));
    rejected("bytes is -1", () -> device.allocatePinned(-1));
    rejected("address is 0", () -> device.wrap(0, 4));
  }

  @Test
  void javaCannotTouchIt() {
    try (DeviceMemory memory = device.allocate(64)) {
      Tensor tensor = memory.tensor(DType.F32, 16);
      assertTrue(tensor.isOnDevice());
      assertTrue(tensor.toString().contains("on cuda:0"), tensor.toString());
      Tensor host = Tensor.allocate(arena, DType.F32, 16);
      String sentence = "Java cannot touch F32 (16) on cuda:0; copy it into a host tensor with";
      for (Runnable use :
          new Runnable[] {
            () -> tensor.get(0),
            () -> tensor.set(1, 0),
            tensor::toFloatArray,
            () -> tensor.copyFrom(new float[16]),
            () -> tensor.copyFrom(host),
            () -> host.copyFrom(tensor),
            () -> tensor.fill(1),
            () -> tensor.contiguousCopy(arena),
            () -> tensor.toType(arena, DType.F16)
          }) {
        String message = assertThrows(UnsupportedOperationException.class, use::run).getMessage();
        assertTrue(message.startsWith(sentence), message);
      }
      Tensor longs = memory.tensor(DType.I64, 8);
      assertThrows(UnsupportedOperationException.class, () -> longs.fillLong(1));
      assertThrows(UnsupportedOperationException.class, () -> longs.getLong(0));
      assertThrows(UnsupportedOperationException.class, () -> longs.setLong(1, 0));
      assertThrows(UnsupportedOperationException.class, longs::toLongArray);
      assertThrows(
          IndexOutOfBoundsException.class, () -> tensor.segment().get(ValueLayout.JAVA_FLOAT, 0));
    }
  }

  @Test
  void closingIsIdempotentAndFinal() {
    DeviceMemory memory = device.allocate(64);
    PinnedMemory pinned = device.allocatePinned(64);
    Tensor onDevice = memory.tensor(DType.F32, 16);
    Tensor onHost = pinned.tensor(DType.F32, 16);
    memory.close();
    memory.close();
    assertTrue(memory.isClosed());
    assertClosed(() -> device.copy(onHost, onDevice));
    assertClosed(() -> memory.tensor(DType.F32, 16));
    pinned.close();
    pinned.close();
    assertClosed(() -> onHost.get(0));
    assertClosed(() -> pinned.segment().get(ValueLayout.JAVA_FLOAT, 0));
  }

  @Test
  void closingTheDeviceClosesItsMemory() {
    DeviceMemory memory = device.allocate(64);
    PinnedMemory pinned = device.allocatePinned(64);
    CudaStream stream = device.newStream();
    Tensor tensor = pinned.tensor(DType.F32, 16);
    stream.copy(tensor, memory.tensor(DType.F32, 16));
    device.close();
    assertTrue(memory.isClosed());
    assertTrue(pinned.isClosed());
    assertTrue(stream.isClosed());
    assertClosed(() -> tensor.get(0));
    assertClosed(() -> device.allocate(1));
    assertClosed(stream::synchronize);
    memory.close();
    pinned.close();
    stream.close();
  }

  @Test
  void wrapsMemoryThatIsAnothers() {
    try (DeviceMemory owner = device.allocate(64)) {
      Tensor data = Tensor.copyOf(arena, DATA, 6);
      Tensor back = Tensor.allocate(arena, DType.F32, 6);
      try (DeviceMemory view = device.wrap(owner.address() + 16, 24)) {
        device.copy(data, view.tensor(DType.F32, 6));
        rejected("elements 0 to 6", () -> view.tensor(DType.F32, 7));
      }
      device.copy(owner.tensor(4, DType.F32, new long[] {6}, new long[] {1}), back);
      assertArrayEquals(DATA, back.toFloatArray(), "closing the view freed nothing");
    }
  }

  @Test
  void refusesCopiesThatAreNone() {
    Tensor host = Tensor.allocate(arena, DType.F32, 2, 3);
    try (DeviceMemory memory = device.allocate(64);
        CudaDevice second = Cuda.open();
        DeviceMemory elsewhere = second.allocate(64)) {
      Tensor here = memory.tensor(DType.F32, 2, 3);
      rejected("shape of from", () -> device.copy(host, memory.tensor(DType.F32, 3, 2)));
      rejected("shape of from", () -> device.copy(host, memory.tensor(DType.F16, 2, 3)));
      rejected("contiguous", () -> device.copy(host.permute(1, 0), memory.tensor(DType.F32, 3, 2)));
      rejected("at least one on cuda:0", () -> device.copy(host, host));
      rejected("overlaps", () -> device.copy(here, here));
      rejected("allowed", () -> device.copy(here, elsewhere.tensor(DType.F32, 2, 3)));
      Tensor readOnly = Tensor.of(host.segment().asReadOnly(), DType.F32, 2, 3);
      rejected("read-only", () -> device.copy(here, readOnly));
    }
  }

  @Test
  void anExhaustedDeviceStaysUsable() {
    MemoryInfo before = device.memoryInfo();
    assertTrue(before.free() > 0 && before.free() <= before.total());
    RaptException full =
        assertThrows(RaptException.class, () -> device.allocate(before.total() + 1));
    assertEquals(RaptStatus.OUT_OF_MEMORY, full.status());
    assertEquals(2, full.deviceCode(), full.getMessage());
    try (DeviceMemory memory = device.allocate(4096)) {
      assertFalse(memory.isClosed());
    }
  }

  @Test
  void worksFromAnyThread() throws InterruptedException {
    for (Thread.Builder kind : new Thread.Builder[] {Thread.ofPlatform(), Thread.ofVirtual()}) {
      AtomicReference<Throwable> failure = new AtomicReference<>();
      Thread thread =
          kind.start(
              () -> {
                try {
                  copiesThereAndBack();
                  copiesOnAStreamThroughPinnedMemory();
                } catch (Throwable thrown) {
                  failure.set(thrown);
                }
              });
      thread.join();
      assertEquals(null, failure.get());
    }
  }

  private static void assertClosed(Runnable action) {
    assertThrows(IllegalStateException.class, action::run);
  }

  private static void rejected(String part, Runnable action) {
    String message = assertThrows(IllegalArgumentException.class, action::run).getMessage();
    assertTrue(message.contains(part), part + " not in: " + message);
  }
}
