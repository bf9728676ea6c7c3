// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Attention;
import dev.rapt.CpuOptions;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Linear;
import dev.rapt.Merge;
import dev.rapt.MultiHeadAttention;
import dev.rapt.Quantization;
import dev.rapt.QuantizedMatrix;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * An arena that another thread closes after the check and before, or during, the access: the
 * sentence is the same as if it had been closed all along, and names the tensor.
 */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class ClosedMeanwhileTest {
  private static final int ROUNDS = 10;

  private final Device java = Device.java();
  private final Device cpu = Device.cpu(CpuOptions.builder().threads(1).build());
  private final Arena open = Arena.ofShared();

  @AfterEach
  void close() {
    cpu.close();
    open.close();
  }

  /** Neither too short to be met nor too long to wait for. */
  private static Tensor tensor(Arena arena, DType dtype) {
    return Tensor.allocate(arena, dtype, 1, 1, 64, 16);
  }

  @Test
  void calls() {
    Tensor other = tensor(open, DType.F32);
    Attention attention = Attention.builder().build();
    RotaryEmbedding rope = RotaryEmbedding.builder().build();
    RotaryEmbedding.Tables tables = RotaryEmbedding.tables(open, 64, 16);
    Tensor parts = Tensor.allocate(open, DType.F32, 1, 1, 1, 64, 16);
    Tensor lse = Tensor.allocate(open, DType.F32, 1, 1, 1, 64);
    for (Device device : new Device[] {java, cpu}) {
      Linear linear = Linear.of(device, Tensor.allocate(open, DType.F32, 16, 16));
      names("query", (gone, spare) -> () -> attention.run(device, gone, spare, spare, other));
      names("output", (gone, spare) -> () -> attention.run(device, other, spare, spare, gone));
      names("input", (gone, spare) -> () -> rope.run(device, gone, tables, other));
      names("output", (gone, spare) -> () -> Merge.run(device, parts, lse, gone));
      names("input", (gone, spare) -> linear(device, linear, matrix(gone), matrix(other)));
      linear.close();
    }
  }

  @Test
  void weights() {
    Tensor bytes = matrix(tensor(open, DType.I8));
    for (Device device : new Device[] {java, cpu}) {
      names("weight", (gone, spare) -> linear(device, matrix(gone), row(spare)));
      names("bias", (gone, spare) -> linear(device, matrix(spare), row(gone)));
      names("weight's scale", (gone, spare) -> linear(device, bytes, row(gone), row(spare)));
      names("key weight", (gone, spare) -> layer(device, spare, gone, spare));
      names("biasKey", (gone, spare) -> layer(device, spare, spare, gone));
    }
  }

  private static Tensor matrix(Tensor tensor) {
    return tensor.reshape(64, 16);
  }

  private static Tensor row(Tensor tensor) {
    return matrix(tensor).select(1, 0);
  }

  private static Runnable linear(Device device, Linear linear, Tensor input, Tensor output) {
    return () -> linear.run(device, input, output);
  }

  private static Runnable linear(Device device, Tensor weight, Tensor bias) {
    return () -> Linear.of(device, weight, bias).close();
  }

  private static Runnable linear(Device device, Tensor bytes, Tensor scale, Tensor bias) {
    QuantizedMatrix weight = QuantizedMatrix.of(bytes, scale);
    return () -> Linear.of(device, weight, bias).close();
  }

  private static Runnable layer(Device device, Tensor query, Tensor key, Tensor biasKey) {
    MultiHeadAttention.Builder builder =
        MultiHeadAttention.builder(device)
            .heads(1)
            .query(matrix(query), null)
            .key(matrix(key), null)
            .value(matrix(query), null)
            .biasKeyValue(row(biasKey), row(query));
    return () -> builder.build().close();
  }

  @Test
  void elements() {
    Tensor half = tensor(open, DType.F16);
    Tensor bytes = tensor(open, DType.I8);
    Tensor scale = Tensor.allocate(open, DType.F32, 1, 1, 64);
    names("the tensor", (gone, spare) -> gone::toFloatArray);
    names("the tensor", (gone, spare) -> () -> gone.fill(1));
    names("the tensor", (gone, spare) -> () -> gone.copyFrom(new float[64 * 16]));
    names("the tensor", (gone, spare) -> () -> gone.toType(Arena.ofAuto(), DType.F16));
    names("the tensor", (gone, spare) -> () -> gone.get(0, 0, 1, 2));
    names("the tensor", (gone, spare) -> () -> gone.set(1, 0, 0, 1, 2));
    names("source", (gone, spare) -> () -> half.copyFrom(gone));
    names("target", (gone, spare) -> () -> gone.copyFrom(half));
    names("source", (gone, spare) -> () -> Quantization.symmetric(gone, bytes, scale));
    names("scale", (gone, spare) -> quantization(half, bytes, gone.slice(3, 0, 1)));
  }

  private static Runnable quantization(Tensor source, Tensor quantised, Tensor scale) {
    return () -> Quantization.symmetric(source, quantised, scale);
  }

  /** Calls again and again until the arena is gone; {@code use} gets a tensor of it and another. */
  private void names(String name, BiFunction<Tensor, Tensor, Runnable> use) {
    Tensor spare = tensor(open, DType.F32);
    for (int round = 0; round < ROUNDS; round++) {
      Arena closing = Arena.ofShared();
      Runnable call = use.apply(tensor(closing, DType.F32), spare);
      AtomicLong calls = new AtomicLong();
      AtomicReference<Throwable> end = new AtomicReference<>();
      Thread caller =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      while (true) {
                        call.run();
                        calls.incrementAndGet();
                      }
                    } catch (Throwable thrown) {
                      end.set(thrown);
                    }
                  });
      while (calls.get() <= round % 3 && caller.isAlive()) {
        Thread.yield();
      }
      close(closing);
      join(caller);
      assertEquals(IllegalStateException.class, end.get().getClass(), name);
      assertEquals(name + " lies in an arena that is already closed", end.get().getMessage(), name);
    }
  }

  private static void close(Arena arena) {
    while (arena.scope().isAlive()) {
      try {
        arena.close();
      } catch (IllegalStateException inUse) {
        Thread.yield(); // a call holds it
      }
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    assertTrue(!thread.isAlive());
  }
}
