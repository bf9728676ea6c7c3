// SPDX-License-Identifier: Apache-2.0
package dev.rapt.sdpa;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;
import dev.rapt.check.Tier;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/** Tensors of rank 3 are one sample, (H, S, D), those of rank 2 one head of it, (S, D). */
class RanksTest {
  private static final Attention ATTENTION = Attention.builder().build();

  @Test
  void theTextbookExample() {
    float[] x = {1, 0, 1, 0, 0, 2, 0, 2, 1, 1, 1, 1};
    for (Tier tier : Tier.usable()) {
      float[] rank4 = run(tier.device(), x, 1, 1, 3, 4);
      assertArrayEquals(rank4, run(tier.device(), x, 1, 3, 4), tier.toString());
      assertArrayEquals(rank4, run(tier.device(), x, 3, 4), tier.toString());
    }
  }

  private static float[] run(Device device, float[] x, long... shape) {
    return ATTENTION.run(device, x, shape, x, shape, x, shape);
  }

  @Test
  void everyOptionalTensorFollows() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor query = Tensor.copyOf(arena, ramp(4 * 3 * 8), 1, 4, 3, 8);
      Tensor bytes = Tensor.copyOf(arena, new byte[2 * 5 * 8], 1, 2, 5, 8);
      for (long i = 0; i < 5; i++) {
        bytes.set(i, 0, 1, i, i);
      }
      Tensor scale = Tensor.copyOf(arena, ramp(2 * 5 * 2), 1, 2, 5, 2);
      Tensor mask = Tensor.allocate(arena, DType.BOOL, 4, 3, 5);
      mask.fill(1);
      mask.setBoolean(false, 2, 1, 3);
      AttentionTensors batched = tensors(arena, query, bytes, scale, mask);
      AttentionTensors alone =
          tensors(arena, query.select(0, 0), bytes.select(0, 0), scale.select(0, 0), mask);
      for (Tier tier : Tier.usable()) {
        ATTENTION.run(tier.device(), batched);
        ATTENTION.run(tier.device(), alone);
        same(tier, batched.output(), alone.output());
        same(tier, batched.lse(), alone.lse());
        same(tier, batched.weights(), alone.weights());
      }
    }
  }

  private static AttentionTensors tensors(
      Arena arena, Tensor query, Tensor bytes, Tensor scale, Tensor mask) {
    long[] batch = query.rank() == 4 ? new long[] {1} : new long[0];
    return AttentionTensors.builder(
            query, bytes, bytes, Tensor.allocate(arena, DType.F32, query.shape()))
        .keyScale(scale)
        .valueScale(scale)
        .mask(mask)
        .sinks(Tensor.copyOf(arena, ramp(4), 4))
        .lse(Tensor.allocate(arena, DType.F32, join(batch, 4, 3)))
        .weights(Tensor.allocate(arena, DType.F32, join(batch, 4, 3, 5)))
        .build();
  }

  private static long[] join(long[] first, long... rest) {
    long[] all = new long[first.length + rest.length];
    System.arraycopy(first, 0, all, 0, first.length);
    System.arraycopy(rest, 0, all, first.length, rest.length);
    return all;
  }

  private static void same(Tier tier, Tensor expected, Tensor actual) {
    assertArrayEquals(expected.toFloatArray(), actual.toFloatArray(), tier.toString());
  }

  @Test
  void rotaryEmbeddingTakesThemToo() {
    RotaryEmbedding rope = RotaryEmbedding.builder().build();
    try (Arena arena = Arena.ofConfined()) {
      RotaryEmbedding.Tables tables = RotaryEmbedding.tables(arena, 3, 8);
      Tensor x = Tensor.copyOf(arena, ramp(24), 1, 1, 3, 8);
      Tensor batched = Tensor.allocate(arena, DType.F32, 1, 1, 3, 8);
      Tensor rows = Tensor.allocate(arena, DType.F32, 3, 8);
      Tensor positions = Tensor.copyOf(arena, new int[] {2, 0, 1}, 3);
      for (Tier tier : Tier.usable()) {
        rope.run(tier.device(), x, tables, positions, batched);
        rope.run(tier.device(), x.reshape(3, 8), tables, positions, rows);
        same(tier, batched, rows);
        rope.run(tier.device(), x, tables, batched);
        rope.run(tier.device(), x.reshape(3, 8), tables, rows);
        same(tier, batched, rows);
      }
    }
  }

  /** A table without a length would be read beyond its end. */
  @Test
  void rotaryTablesKeepTheirLength() {
    RotaryEmbedding rope = RotaryEmbedding.builder().build();
    try (Arena arena = Arena.ofConfined()) {
      Tensor pairs = Tensor.allocate(arena, DType.F32, 4);
      RotaryEmbedding.Tables tables = new RotaryEmbedding.Tables(pairs, pairs);
      for (long[] shape : new long[][] {{3, 8}, {2, 3, 8}}) {
        Tensor x = Tensor.allocate(arena, DType.F32, shape);
        Tensor out = Tensor.allocate(arena, DType.F32, shape);
        for (Tier tier : Tier.usable()) {
          String message =
              assertThrows(
                      IllegalArgumentException.class, () -> rope.run(tier.device(), x, tables, out))
                  .getMessage();
          assertEquals(
              "cosine is F32 (4); allowed: rank 2 (S, R/2), because input is " + x, message);
        }
      }
    }
  }

  private static float[] ramp(int count) {
    float[] data = new float[count];
    for (int i = 0; i < count; i++) {
      data[i] = (i % 7 - 3) / 4f;
    }
    return data;
  }
}
