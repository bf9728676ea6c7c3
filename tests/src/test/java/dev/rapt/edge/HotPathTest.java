// SPDX-License-Identifier: Apache-2.0
package dev.rapt.edge;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.ThreadMXBean;
import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Linear;
import dev.rapt.MultiHeadAttention;
import dev.rapt.Tensor;
import dev.rapt.check.Tier;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/**
 * A call allocates nothing on the Java heap once the JIT compiler has seen it. Until then it may,
 * so rounds of calls are repeated until one allocates nothing, for as long as it is reasonable to
 * wait.
 */
class HotPathTest {
  private static final int CALLS_PER_ROUND = 2_000;
  private static final int ROUNDS = 200;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @Test
  void attentionAllocatesNothing() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Tensor.allocate(arena, DType.F32, 1, 1, 1, 8);
      Tensor out = Tensor.allocate(arena, DType.F32, 1, 1, 1, 8);
      Attention attention = Attention.builder().build();
      Device device = Tier.usableNative().getLast().device();
      assertSettlesAtZero(() -> attention.run(device, x, x, x, out));
    }
  }

  @Test
  void attentionWithEveryOptionAllocatesNothing() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Tensor.allocate(arena, DType.F32, 1, 1, 2, 8);
      AttentionTensors tensors =
          AttentionTensors.of(x, x, x, Tensor.allocate(arena, DType.F32, 1, 1, 2, 8))
              .withMask(Tensor.allocate(arena, DType.BOOL, 2))
              .withBias(Tensor.allocate(arena, DType.F32, 2, 2))
              .withAlibiSlopes(Tensor.allocate(arena, DType.F32, 1))
              .withSinks(Tensor.allocate(arena, DType.F32, 1))
              .withLse(Tensor.allocate(arena, DType.F32, 1, 1, 2))
              .withWeights(Tensor.allocate(arena, DType.F32, 1, 1, 2, 2));
      Attention attention = Attention.builder().softcap(2).window(3, 3).build();
      Device device = Tier.usableNative().getLast().device();
      assertSettlesAtZero(() -> attention.run(device, tensors));
    }
  }

  @Test
  void multiHeadAttentionAndLinearAllocateNothing() {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Tensor.allocate(arena, DType.F32, 1, 2, 8);
      Tensor out = Tensor.allocate(arena, DType.F32, 1, 2, 8);
      Tensor weight = Tensor.allocate(arena, DType.F32, 8, 8);
      Device device = Tier.usableNative().getLast().device();
      try (Linear linear = Linear.of(device, weight, null);
          MultiHeadAttention attention =
              MultiHeadAttention.builder(device)
                  .heads(2)
                  .query(weight, null)
                  .key(weight, null)
                  .value(weight, null)
                  .output(weight, null)
                  .build()) {
        assertSettlesAtZero(() -> linear.run(x, out));
        assertSettlesAtZero(() -> attention.run(x, x, x, out));
      }
    }
  }

  private static void assertSettlesAtZero(Runnable call) {
    long allocated = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && allocated > 0; round++) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < CALLS_PER_ROUND; i++) {
        call.run();
      }
      allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
    }
    assertEquals(0, allocated, "bytes allocated in the last " + CALLS_PER_ROUND + " calls");
  }
}
