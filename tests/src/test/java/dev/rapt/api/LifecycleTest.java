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
import dev.rapt.check.RunningCall;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Closing: once or often, early or late, in the middle of a call. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class LifecycleTest {
  private static final Attention ATTENTION = Attention.builder().build();

  private static Device device(String name) {
    return name.equals("cpu") ? Device.cpu(CpuOptions.builder().threads(2).build()) : Device.java();
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
      assertMessage("device is closed", () -> ATTENTION.plan(device, x, x, x, out));
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
      early.run(device, x, y);
      mha.run(device, x, x, x, y);
      early.close();
      early.close();
      assertMessage("linear is closed", () -> early.run(device, x, y));
      device.close();
      assertMessage("device is closed", () -> late.run(device, x, y));
      assertMessage("device is closed", () -> mha.run(device, x, x, x, y));
      late.close();
      mha.close();
      mha.close();
      assertMessage("multi-head attention is closed", () -> mha.run(device, x, x, x, y));
    }
  }

  /** Threads that run until the device goes away: each ends with "closed", none with a crash. */
  @Test
  void closesUnderManyCallers() throws Exception {
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
                    try {
                      while (true) {
                        ATTENTION.run(device, x, x, x, out);
                        if (calls++ == 0) {
                          running.countDown();
                        }
                      }
                    } catch (IllegalStateException closed) {
                      assertEquals("device is closed", closed.getMessage());
                      return calls;
                    } finally {
                      running.countDown(); // whatever it was, the test need not wait for more
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

  /** Whoever closes waits for the call, also who was interrupted or comes second. */
  @Test
  void closingWaitsForARunningCall() throws Exception {
    RunningCall.meet(
        size -> {
          Device device = Device.cpu(CpuOptions.builder().threads(1).build());
          try (Arena arena = Arena.ofShared()) {
            Tensor x = f32(arena, 1, 4, 512, 64);
            Tensor query = f32(arena, 1, 4, 512 * size, 64);
            Tensor out = f32(arena, 1, 4, 512 * size, 64);
            Runnable call = () -> ATTENTION.run(device, query, x, x, out);
            RunningCall running = new RunningCall(out, call);
            running.start();
            AtomicInteger early = new AtomicInteger();
            AtomicInteger interrupted = new AtomicInteger();
            Runnable close =
                () -> {
                  Thread.currentThread().interrupt();
                  device.close();
                  early.addAndGet(running.isRunning() ? 1 : 0);
                  interrupted.addAndGet(Thread.interrupted() ? 1 : 0);
                };
            List<Thread> closers =
                List.of(Thread.ofVirtual().start(close), Thread.ofPlatform().start(close));
            while (!device.isClosed()) {
              Thread.sleep(0, 20_000);
            }
            boolean met = running.isRunning();
            for (Thread closer : closers) {
              closer.join();
            }
            running.end();
            assertEquals(0, early.get(), "closed before the call had ended");
            assertEquals(2, interrupted.get(), "the interruption stays pending");
            assertMessage("device is closed", call);
            return met;
          }
        });
  }

  @Test
  void arenaClosedUnderARunningCall() throws Exception {
    try (Device device = Device.cpu(CpuOptions.builder().threads(1).build())) {
      RunningCall.holdsItsMemory(
          (size, arena, lent) -> {
            Tensor x = f32(arena, 1, 4, 512, 64);
            Tensor query = f32(arena, 1, 4, 512 * size, 64);
            Tensor out = f32(arena, 1, 4, 512 * size, 64);
            AttentionTensors t =
                AttentionTensors.builder(
                        lent.apply(query), lent.apply(x), lent.apply(x), lent.apply(out))
                    .build();
            return new RunningCall(out, () -> ATTENTION.run(device, t));
          });
    }
  }

  /** Each tensor in turn; a scale is the call's as much as the bytes that it belongs to. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5})
  void arenaOfOneTensorClosedUnderARunningCall(int which) throws Exception {
    arenaClosedUnderARunningCall(which, arena -> arena);
  }

  /** The same where every tensor has an arena of its own, so that the call has many to hold. */
  @ParameterizedTest
  @ValueSource(ints = {0, 5})
  void oneOfManyArenasClosedUnderARunningCall(int which) throws Exception {
    arenaClosedUnderARunningCall(which, arena -> Arena.ofAuto());
  }

  private static void arenaClosedUnderARunningCall(int which, UnaryOperator<Arena> own)
      throws Exception {
    try (Device device = Device.cpu(CpuOptions.builder().threads(1).build())) {
      RunningCall.holdsItsMemory(
          (size, arena, lent) -> {
            Tensor[] t = {
              f32(own.apply(arena), 1, 4, 512 * size, 64),
              Tensor.allocate(own.apply(arena), DType.I8, 1, 4, 512, 64),
              Tensor.allocate(own.apply(arena), DType.I8, 1, 4, 512, 64),
              f32(own.apply(arena), 1, 4, 512 * size, 64),
              f32(own.apply(arena), 1, 4, 512),
              f32(own.apply(arena), 1, 4, 512)
            };
            Tensor out = t[3];
            t[which] = lent.apply(t[which]);
            AttentionTensors call =
                AttentionTensors.builder(t[0], t[1], t[2], t[3])
                    .keyScale(t[4])
                    .valueScale(t[5])
                    .build();
            return new RunningCall(out, () -> ATTENTION.run(device, call));
          });
    }
  }

  /** Weights are read where they lie, so that their arenas must stay open while they are packed. */
  @Test
  void arenaClosedWhileWeightsArePacked() throws Exception {
    try (Device device = Device.cpu(CpuOptions.builder().threads(1).build());
        Arena other = Arena.ofShared()) {
      for (boolean ofBias : new boolean[] {false, true}) {
        int refusals = 0;
        while (refusals < 5) {
          Arena arena = Arena.ofShared();
          Tensor weight = f32(ofBias ? other : arena, 1024, 1024);
          Tensor bias = f32(ofBias ? arena : other, 1024);
          AtomicReference<Throwable> end = new AtomicReference<>();
          Thread packer =
              Thread.ofPlatform()
                  .start(
                      () -> {
                        try {
                          while (true) {
                            Linear.of(device, weight, bias).close();
                          }
                        } catch (Throwable thrown) {
                          end.set(thrown);
                        }
                      });
          while (arena.scope().isAlive()) {
            try {
              arena.close();
            } catch (IllegalStateException inUse) {
              refusals++;
            }
          }
          packer.join();
          assertEquals(IllegalStateException.class, end.get().getClass(), end.toString());
        }
      }
    }
  }

  /**
   * Calls too short to be met, one after the other: the arena closes before, between or after them,
   * and memory stays whole.
   */
  @Test
  void arenaClosedAmongShortCalls() throws Exception {
    try (Device device = device("cpu")) {
      for (int round = 0; round < 20; round++) {
        Arena arena = Arena.ofShared();
        Tensor x = f32(arena, 1, 1, 2, 4);
        Tensor out = f32(arena, 1, 1, 2, 4);
        AtomicReference<Throwable> unexpected = new AtomicReference<>();
        Thread runner =
            Thread.ofPlatform()
                .start(
                    () -> {
                      try {
                        for (int call = 0; call < 20_000; call++) {
                          ATTENTION.run(device, x, x, x, out);
                        }
                      } catch (IllegalStateException closed) {
                        // An end that may come: the arena is closed.
                      } catch (Throwable other) {
                        unexpected.set(other);
                      }
                    });
        while (arena.scope().isAlive()) {
          try {
            arena.close();
          } catch (IllegalStateException inUse) {
            // A call is running; the last one ends at the latest with the runner.
          }
        }
        runner.join();
        assertNull(unexpected.get());
      }
    }
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
