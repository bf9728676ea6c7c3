// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.CudaDevice;
import dev.rapt.CudaEvent;
import dev.rapt.CudaStream;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.Linear;
import dev.rapt.MultiHeadAttention;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import dev.rapt.check.Cuda;
import java.lang.foreign.Arena;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Calls on a GPU, directly and on streams, and what becomes of them when something closes. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class CudaCallsTest {
  private static final Attention ATTENTION = Attention.builder().build();
  private static final float[] ONES = {1, 1, 1, 1, 1, 1, 1, 1};

  private final Arena arena = Arena.ofShared();
  private CudaDevice device;

  @BeforeEach
  void open() {
    Cuda.require();
    device = Cuda.open();
  }

  @AfterEach
  void close() {
    arena.close();
    if (device != null) {
      device.close();
    }
  }

  private Tensor host(long... shape) {
    return Tensor.allocate(arena, DType.F32, shape);
  }

  private Tensor onDevice(float[] data, long... shape) {
    Tensor tensor = device.allocate(DType.F32, shape).tensor(DType.F32, shape);
    device.copy(Tensor.copyOf(arena, data, shape), tensor);
    return tensor;
  }

  private float[] fetch(Tensor tensor) {
    Tensor copy = host(tensor.shape());
    device.copy(tensor, copy);
    return copy.toFloatArray();
  }

  @Test
  void plansAndRuns() {
    Tensor x = onDevice(ONES, 1, 1, 2, 4);
    Tensor out = onDevice(new float[8], 1, 1, 2, 4);
    Plan plan = ATTENTION.plan(device, x, x, x, out);
    assertTrue(plan.supported(), plan.toString());
    assertTrue(plan.name().startsWith("sdpa_"), plan.toString());
    ATTENTION.run(device, x, x, x, out);
    assertArrayEquals(ONES, fetch(out));
    long[] shape = {1, 1, 2, 4};
    assertArrayEquals(ONES, ATTENTION.run(device, ONES, shape, ONES, shape, ONES, shape));
  }

  @Test
  void enqueuesOneAfterTheOther() {
    Tensor x = onDevice(ONES, 1, 2, 4);
    Tensor y = onDevice(new float[8], 1, 2, 4);
    Tensor z = onDevice(new float[8], 1, 2, 4);
    float[] twice = new float[16];
    for (int i = 0; i < 4; i++) {
      twice[5 * i] = 2;
    }
    Tensor weight = Tensor.copyOf(arena, twice, 4, 4);
    float[] stacked = new float[48];
    for (int part = 0; part < 3; part++) {
      System.arraycopy(twice, 0, stacked, 16 * part, 16);
    }
    try (CudaStream stream = device.newStream();
        CudaEvent done = device.newEvent();
        Linear linear = Linear.of(device, weight, onDevice(new float[4], 4));
        MultiHeadAttention mha =
            MultiHeadAttention.builder(device)
                .heads(2)
                .inProjection(Tensor.copyOf(arena, stacked, 12, 4), null)
                .build()) {
      linear.run(stream, x, y);
      mha.run(stream, y, y, y, z);
      ATTENTION.run(stream, four(z), four(z), four(z), four(y));
      stream.record(done);
      done.synchronize();
      assertTrue(done.hasPassed());
      assertArrayEquals(new float[] {4, 4, 4, 4, 4, 4, 4, 4}, fetch(y));
    }
  }

  private static Tensor four(Tensor tensor) {
    return tensor.reshape(1, 1, 2, 4);
  }

  @Test
  void refusesTensorsThatLieElsewhere() {
    Tensor there = onDevice(ONES, 1, 1, 2, 4);
    Tensor out = onDevice(new float[8], 1, 1, 2, 4);
    Tensor here = host(1, 1, 2, 4);
    Tensor result = host(1, 1, 2, 4);
    rejected("key", "host memory", () -> ATTENTION.run(device, there, here, there, out));
    rejected("output", "host memory", () -> ATTENTION.run(device, there, there, there, here));
    rejected("key", "host memory", () -> ATTENTION.plan(device, there, here, there, out));
    AttentionTensors masked =
        AttentionTensors.builder(there, there, there, out)
            .mask(Tensor.allocate(arena, DType.BOOL, 2))
            .build();
    rejected("mask", "cuda:0", () -> ATTENTION.run(device, masked));
    try (Device cpu = Device.cpu();
        Device java = Device.java();
        CudaDevice other = Cuda.open();
        CudaStream stream = other.newStream()) {
      rejected("query", "cpu", () -> ATTENTION.run(cpu, there, here, here, result));
      rejected("query", "java", () -> ATTENTION.run(java, there, here, here, result));
      rejected("weight", "cpu", () -> Linear.of(cpu, there.reshape(2, 4), null));
      rejected("query", "this device", () -> ATTENTION.run(other, there, there, there, out));
      rejected("query", "this device", () -> ATTENTION.run(stream, there, there, there, out));
      rejected("another device", "this device, cuda:0", () -> other.copy(there, out));
      try (Linear linear = Linear.of(device, host(4, 4), null)) {
        Tensor x = there.reshape(2, 4);
        rejected(
            "stream of another device", "cuda:0", () -> linear.run(stream, x, out.reshape(2, 4)));
        rejected(
            "input",
            "host memory",
            () -> linear.run(linear.device(), host(2, 4), out.reshape(2, 4)));
      }
    }
  }

  @Test
  void closedMemoryIsRefused() {
    Tensor x = onDevice(ONES, 1, 1, 2, 4);
    DeviceMemory memory = device.allocate(32);
    Tensor out = memory.tensor(DType.F32, 1, 1, 2, 4);
    memory.close();
    String message =
        assertThrows(IllegalStateException.class, () -> ATTENTION.run(device, x, x, x, out))
            .getMessage();
    assertEquals("output lies in memory of cuda:0 that is already closed", message);
  }

  /** Whatever closes first, the work that was enqueued has ended by then. */
  @Test
  void closingWaitsForWorkOnStreams() {
    Tensor x = onDevice(ONES, 2, 4);
    DeviceMemory memory = device.allocate(32);
    Tensor y = memory.tensor(DType.F32, 2, 4);
    CudaStream stream = device.newStream();
    Linear linear = Linear.of(device, host(4, 4), null);
    linear.run(stream, x, y);
    linear.close();
    memory.close();
    stream.close();
    assertThrows(IllegalStateException.class, () -> linear.run(device, x, y));
  }

  /** Another thread frees the output under running calls: they end with "closed", never worse. */
  @Test
  void memoryClosedUnderRunningCalls() throws Exception {
    Tensor x = onDevice(ONES, 1, 1, 2, 4);
    for (int round = 0; round < 20; round++) {
      DeviceMemory memory = device.allocate(32);
      Tensor out = memory.tensor(DType.F32, 1, 1, 2, 4);
      CountDownLatch running = new CountDownLatch(1);
      AtomicReference<Throwable> end = new AtomicReference<>();
      Thread runner =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try (CudaStream stream = device.newStream()) {
                      while (true) {
                        ATTENTION.run(stream, x, x, x, out);
                        running.countDown();
                      }
                    } catch (Throwable thrown) {
                      end.set(thrown);
                    } finally {
                      running.countDown();
                    }
                  });
      running.await();
      memory.close();
      runner.join();
      assertEquals(IllegalStateException.class, end.get().getClass(), () -> "" + end.get());
    }
  }

  @Test
  void closingTheDeviceUnderRunningCalls() throws Exception {
    Tensor x = onDevice(ONES, 1, 1, 2, 4);
    Tensor out = onDevice(ONES, 1, 1, 2, 4);
    CountDownLatch running = new CountDownLatch(1);
    AtomicReference<Throwable> end = new AtomicReference<>();
    Thread runner =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    while (true) {
                      ATTENTION.run(device, x, x, x, out);
                      running.countDown();
                    }
                  } catch (Throwable thrown) {
                    end.set(thrown);
                    running.countDown();
                  }
                });
    running.await();
    device.close();
    runner.join();
    assertEquals(IllegalStateException.class, end.get().getClass(), () -> "" + end.get());
  }

  private static void rejected(String name, String allowed, Runnable action) {
    String message = assertThrows(IllegalArgumentException.class, action::run).getMessage();
    assertTrue(message.contains(name), name + " not in: " + message);
    assertTrue(message.contains(allowed), allowed + " not in: " + message);
  }
}
