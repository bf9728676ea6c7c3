// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.CpuOptions;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Linear;
import dev.rapt.MultiHeadAttention;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Closing: once or often, early or late, in the middle of a call. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class LifecycleTest {
  private static final Attention ATTENTION = Attention.builder().build();

  private static Device device(String name) {
    return name.equals("cpu") ? Device.cpu(new CpuOptions(2, null)) : Device.java();
  }

  private static Tensor f32(Arena arena, long... shape) {
    return Tensor.allocate(arena, DType.F32, shape);
  }

  @ParameterizedTest
  @ValueSource(strings = {"java", "cpu"})
  void closingIsIdempotentAndFinal(String name) {
    try (Arena arena = Arena.ofConfined()) {
      Device device = device(name);
      Tensor x = f32(arena, 1, 1, 2, 4);
      Tensor out = f32(arena, 1, 1, 2, 4);
      ATTENTION.run(device, x, x, x, out);
      assertFalse(device.isClosed());
      device.close();
      device.close();
      assertTrue(device.isClosed());
      assertMessage("device is closed", () -> ATTENTION.run(device, x, x, x, out));
      assertMessage("device is closed", () -> ATTENTION.plan(device, x, x, x));
      assertMessage("device is closed", () -> Linear.of(device, f32(arena, 2, 2), null));
      assertTrue(device.description().length() > 3, "still describes itself");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"java", "cpu"})
  void weightsOutliveNeitherTheirCloseNorTheDevice(String name) {
    try (Arena arena = Arena.ofConfined()) {
      Device device = device(name);
      Tensor weight = f32(arena, 4, 4);
      Tensor x = f32(arena, 3, 4);
      Tensor y = f32(arena, 3, 4);
      Linear early = Linear.of(device, weight, null);
      Linear late = Linear.of(device, weight, null);
      MultiHeadAttention mha =
          MultiHeadAttention.builder(device).heads(2).inProjection(f32(arena, 12, 4), null).build();
      early.run(x, y);
      mha.run(x, x, x, y);
      early.close();
      early.close();
      assertMessage("linear is closed", () -> early.run(x, y));
      device.close();
      assertMessage("device is closed", () -> late.run(x, y));
      assertMessage("device is closed", () -> mha.run(x, x, x, y));
      late.close();
      mha.close();
      mha.close();
      assertMessage("multi-head attention is closed", () -> mha.run(x, x, x, y));
    }
  }

  /** Threads that run until the device goes away: each ends with "closed", none with a crash. */
  @Test
  void closingWaitsForRunningCalls() throws Exception {
    for (int round = 0; round < 20; round++) {
      Device device = device("cpu");
      try (Arena arena = Arena.ofShared();
          ExecutorService threads = Executors.newFixedThreadPool(4)) {
        Tensor x = f32(arena, 1, 2, 96, 32);
        CountDownLatch running = new CountDownLatch(4);
        List<Future<Integer>> results = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
          Tensor out = f32(arena, 1, 2, 96, 32);
          results.add(
              threads.submit(
                  () -> {
                    int calls = 0;
                    while (true) {
                      try {
                        ATTENTION.run(device, x, x, x, out);
                      } catch (IllegalStateException closed) {
                        assertEquals("device is closed", closed.getMessage());
                        return calls;
                      }
                      if (calls++ == 0) {
                        running.countDown();
                      }
                    }
                  }));
        }
        running.await();
        List<Thread> closers =
            List.of(
                Thread.ofVirtual().start(device::close), Thread.ofPlatform().start(device::close));
        for (Thread closer : closers) {
          closer.join();
        }
        for (Future<Integer> result : results) {
          assertTrue(result.get() > 0);
        }
      }
    }
  }

  @Test
  void interruptionDoesNotCutTheWaitShort() {
    Device device = device("cpu");
    Thread.currentThread().interrupt();
    device.close();
    assertTrue(Thread.interrupted(), "the interruption stays pending");
  }

  @Test
  void arenaClosedUnderARunningCall() throws Exception {
    closedUnderRunningCalls(
        (device, arena) -> {
          Tensor x = f32(arena, 1, 4, 512, 64);
          Tensor out = f32(arena, 1, 4, 512, 64);
          return () -> ATTENTION.run(device, x, x, x, out);
        });
  }

  /** A scale is the call's as much as the bytes that it belongs to. */
  @Test
  void arenaOfAScaleClosedUnderARunningCall() throws Exception {
    try (Arena lasting = Arena.ofShared()) {
      Tensor x = f32(lasting, 1, 4, 512, 64);
      Tensor bytes = Tensor.allocate(lasting, DType.I8, 1, 4, 512, 64);
      Tensor out = f32(lasting, 1, 4, 512, 64);
      closedUnderRunningCalls(
          (device, arena) -> {
            AttentionTensors t =
                AttentionTensors.of(x, bytes, x, out).withKeyScale(f32(arena, 1, 4, 512));
            return () -> ATTENTION.run(device, t);
          });
      closedUnderRunningCalls(
          (device, arena) -> {
            AttentionTensors t =
                AttentionTensors.of(x, x, bytes, out).withValueScale(f32(arena, 1, 4, 512));
            return () -> ATTENTION.run(device, t);
          });
    }
  }

  /**
   * Another thread closes the arena under running calls: it waits or throws, memory stays whole.
   */
  private static void closedUnderRunningCalls(BiFunction<Device, Arena, Runnable> prepare)
      throws Exception {
    long refusals = 0;
    try (Device device = device("cpu")) {
      for (int round = 0; round < 20; round++) {
        Arena arena = Arena.ofShared();
        Runnable call = prepare.apply(device, arena);
        CountDownLatch running = new CountDownLatch(1);
        AtomicReference<Throwable> unexpected = new AtomicReference<>();
        Thread runner =
            Thread.ofPlatform()
                .start(
                    () -> {
                      try {
                        while (true) {
                          call.run();
                          running.countDown();
                        }
                      } catch (IllegalStateException closed) {
                        // The end we want: the arena is closed.
                      } catch (Throwable other) {
                        unexpected.set(other);
                      } finally {
                        running.countDown();
                      }
                    });
        running.await();
        boolean closed = false;
        while (!closed) {
          try {
            arena.close();
            closed = true;
          } catch (IllegalStateException inUse) {
            refusals++;
          }
        }
        runner.join();
        assertNull(unexpected.get());
      }
    }
    assertTrue(refusals > 0, "no close met a running call: nothing holds the arena");
  }

  @Test
  void manyVirtualThreadsShareADevice() throws Exception {
    try (Device device = device("cpu");
        Arena arena = Arena.ofShared();
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Tensor x = f32(arena, 1, 1, 4, 8);
      List<Future<?>> results = new ArrayList<>();
      for (int t = 0; t < 500; t++) {
        Tensor out = f32(arena, 1, 1, 4, 8);
        results.add(threads.submit(() -> ATTENTION.run(device, x, x, x, out)));
      }
      for (Future<?> result : results) {
        result.get();
      }
    }
  }

  private static void assertMessage(String expected, Runnable action) {
    assertEquals(expected, assertThrows(IllegalStateException.class, action::run).getMessage());
  }
}
