// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.rapt.Append;
import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.Causal;
import dev.rapt.CpuOptions;
import dev.rapt.CudaDevice;
import dev.rapt.CudaStream;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.Linear;
import dev.rapt.MultiHeadAttention;
import dev.rapt.MultiHeadAttentionTensors;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;
import dev.rapt.cache.KvCache;
import dev.rapt.cache.Sequence;
import dev.rapt.cache.Step;
import dev.rapt.check.Cuda;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** The hot path allocates nothing: the Java heap does not grow with the number of calls. */
class AllocationTest {
  private static final int WARM_UP = 30_000;
  private static final int CALLS = 20_000;
  private static final long PATIENCE_NANOS = 120_000_000_000L;

  private static Tensor f32(Arena arena, long... shape) {
    return Tensor.allocate(arena, DType.F32, shape);
  }

  @Test
  void attention() {
    Attention attention =
        Attention.builder().causal(Causal.BOTTOM_RIGHT).window(2, 0).scale(0.5).build();
    try (Device device = Device.cpu(CpuOptions.builder().threads(1).build());
        Arena arena = Arena.ofShared()) {
      Tensor x = f32(arena, 1, 1, 2, 8);
      Tensor out = f32(arena, 1, 1, 2, 8);
      assertNothingAllocated(() -> attention.run(device, x, x, x, out));
      AttentionTensors all =
          AttentionTensors.builder(x, x, x, out)
              .mask(Tensor.allocate(arena, DType.BOOL, 2, 2))
              .sinks(f32(arena, 1))
              .lse(f32(arena, 1, 1, 2))
              .weights(f32(arena, 1, 1, 2, 2))
              .build();
      assertNothingAllocated(() -> attention.run(device, all));
      Tensor bytes = Tensor.allocate(arena, DType.I8, 1, 1, 2, 8);
      AttentionTensors quantised =
          AttentionTensors.builder(x, bytes, bytes, out)
              .keyScale(f32(arena, 1, 1, 2))
              .valueScale(f32(arena, 1, 1, 2, 4))
              .build();
      assertNothingAllocated(() -> attention.run(device, quantised));
    }
  }

  @Test
  void rotaryEmbedding() {
    RotaryEmbedding embedding = RotaryEmbedding.builder().rotaryDim(4).build();
    try (Device device = Device.cpu(CpuOptions.builder().threads(1).build());
        Arena arena = Arena.ofShared()) {
      Tensor x = f32(arena, 1, 1, 2, 8);
      Tensor table = f32(arena, 5, 2);
      RotaryEmbedding.Tables tables = new RotaryEmbedding.Tables(table, table);
      Tensor positions = Tensor.copyOf(arena, new long[] {4, 0}, 2);
      assertNothingAllocated(() -> embedding.run(device, x, tables, positions, x));
    }
  }

  /** Prompts beside single tokens, a page more and a page less, a commit and a rollback. */
  @Test
  void stepsOfACache() {
    Attention causal = Attention.builder().causal(Causal.BOTTOM_RIGHT).build();
    Append append = Append.builder().build();
    try (Device device = Device.cpu(CpuOptions.builder().threads(1).build());
        Arena arena = Arena.ofShared();
        KvCache cache =
            KvCache.builder()
                .layers(2)
                .kvHeads(1)
                .headDim(8)
                .dtype(DType.I8)
                .pageSize(2)
                .pages(20)
                .build();
        Step step = cache.newStep(device, 2, 4)) {
      Sequence first = cache.newSequence();
      Sequence second = cache.newSequence();
      Tensor rows = f32(arena, 1, 1, 4, 8);
      Tensor query = f32(arena, 1, 2, 4, 8);
      Tensor output = f32(arena, 1, 2, 4, 8);
      RotaryEmbedding.Tables tables = RotaryEmbedding.tables(arena, 16, 8);
      assertNothingAllocated(
          () -> {
            for (int n = 0; n < 2; n++) {
              step.add(first, 1);
              step.add(second, 3);
              step.plan();
              for (int layer = 0; layer < 2; layer++) {
                step.append(layer, append, tables, rows, rows, query);
                step.run(layer, causal, query, output);
              }
              if (n == 0) {
                step.commit();
              } else {
                step.rollback();
              }
            }
            first.truncate(0);
            second.truncate(2);
          });
    }
  }

  @Test
  void projections() {
    try (Device device = Device.cpu(CpuOptions.builder().threads(1).build());
        Arena arena = Arena.ofShared();
        Linear linear = Linear.of(device, f32(arena, 8, 8), f32(arena, 8));
        MultiHeadAttention mha =
            MultiHeadAttention.builder(device)
                .heads(2)
                .inProjection(f32(arena, 24, 8), f32(arena, 24))
                .biasKeyValue(f32(arena, 8), f32(arena, 8))
                .build()) {
      Tensor x = f32(arena, 1, 2, 8);
      Tensor out = f32(arena, 1, 2, 8);
      assertNothingAllocated(() -> linear.run(device, x, out));
      assertNothingAllocated(() -> mha.run(device, x, x, x, out));
      MultiHeadAttentionTensors padded =
          MultiHeadAttentionTensors.builder(x, x, x, out)
              .keyPaddingMask(Tensor.allocate(arena, DType.BOOL, 1, 2))
              .build();
      assertNothingAllocated(() -> mha.run(device, padded));
    }
  }

  /** Weights are packed from where they lie: no copy of them passes through the heap. */
  @Test
  void packing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Device device = Device.cpu(CpuOptions.builder().threads(1).build());
        Arena arena = Arena.ofShared()) {
      for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
        Tensor weight = Tensor.allocate(arena, dtype, 1024, 1024);
        for (Tensor tensor : new Tensor[] {weight, weight.permute(1, 0)}) {
          Linear.of(device, tensor).close();
          long before = threads.getCurrentThreadAllocatedBytes();
          Linear.of(device, tensor).close();
          long bytes = threads.getCurrentThreadAllocatedBytes() - before;
          assertTrue(bytes < 100_000, bytes + " bytes for " + tensor);
        }
      }
    }
  }

  /**
   * Without queries nothing is computed, so that an emulated GPU is fast enough to be warmed up.
   */
  @Test
  void callsOnStreams() {
    Attention attention = Attention.builder().causal(Causal.BOTTOM_RIGHT).build();
    try (CudaDevice device = Cuda.open();
        CudaStream stream = device.newStream();
        DeviceMemory memory = device.allocate(4096);
        Linear linear = Linear.of(device, memory.tensor(DType.F16, 8, 8), null)) {
      Tensor none = memory.tensor(DType.F16, 1, 1, 0, 8);
      Tensor keys = memory.tensor(DType.F16, 1, 1, 2, 8);
      assertNothingAllocated(() -> attention.run(device, none, keys, keys, none));
      assertNothingAllocated(() -> attention.run(stream, none, keys, keys, none));
      RotaryEmbedding embedding = RotaryEmbedding.builder().build();
      Tensor table = memory.tensor(DType.F16, 0, 4);
      RotaryEmbedding.Tables tables = new RotaryEmbedding.Tables(table, table);
      assertNothingAllocated(() -> embedding.run(stream, none, tables, none));
      Tensor rows = none.reshape(1, 0, 8);
      assertNothingAllocated(() -> linear.run(stream, rows, rows));
    }
  }

  private static void assertNothingAllocated(Runnable call) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    double best = Double.MAX_VALUE;
    // The compiler has threads of its own: no number of calls is sure to be enough for it on a busy
    // machine, but once it is done every round is free. Only what does allocate takes all the time.
    long start = System.nanoTime();
    while (best >= 0.1 && System.nanoTime() - start < PATIENCE_NANOS) {
      repeat(call, WARM_UP);
      long before = threads.getCurrentThreadAllocatedBytes();
      repeat(call, CALLS);
      best = Math.min(best, (threads.getCurrentThreadAllocatedBytes() - before) / (double) CALLS);
    }
    assertTrue(best < 0.1, best + " bytes per call");
  }

  private static void repeat(Runnable call, int times) {
    for (int i = 0; i < times; i++) {
      call.run();
    }
  }
}
