// SPDX-License-Identifier: Apache-2.0
package dev.rapt.sdpa;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.Causal;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.MultiHeadAttention;
import dev.rapt.MultiHeadAttentionTensors;
import dev.rapt.Tensor;
import dev.rapt.check.Tier;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A position for each sample gives what each sample alone gives with the scalar position. */
class PositionsTest {
  private static final long[] POSITIONS = {5, 0, -3, 40};

  private static Tensor random(Arena arena, long seed, long... shape) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, shape);
    Random random = new Random(seed);
    float[] data = new float[(int) tensor.elements()];
    for (int i = 0; i < data.length; i++) {
      data[i] = random.nextFloat(-1, 1);
    }
    tensor.copyFrom(data);
    return tensor;
  }

  @Test
  void eachSampleHasItsOwn() {
    Attention causal = Attention.builder().causal(Causal.TOP_LEFT).window(6, -1).build();
    try (Arena arena = Arena.ofConfined()) {
      Tensor query = random(arena, 1, 4, 2, 3, 8);
      Tensor key = random(arena, 2, 4, 1, 20, 8);
      Tensor slopes = Tensor.copyOf(arena, new float[] {0.5f, 0.25f}, 2);
      Tensor output = Tensor.allocate(arena, DType.F32, 4, 2, 3, 8);
      Tensor alone = Tensor.allocate(arena, DType.F32, 1, 2, 3, 8);
      Tensor[] types = {
        Tensor.copyOf(arena, POSITIONS, 4), Tensor.copyOf(arena, new int[] {5, 0, -3, 40}, 4)
      };
      for (Tier tier : Tier.usable()) {
        for (Tensor positions : types) {
          causal.run(
              tier.device(2),
              AttentionTensors.builder(query, key, key, output)
                  .alibiSlopes(slopes)
                  .positions(positions)
                  .build());
          for (int b = 0; b < 4; b++) {
            Attention placed =
                Attention.builder()
                    .causal(Causal.TOP_LEFT)
                    .window(6, -1)
                    .position(POSITIONS[b])
                    .build();
            Tensor keys = key.slice(0, b, b + 1);
            placed.run(
                tier.device(),
                AttentionTensors.builder(query.slice(0, b, b + 1), keys, keys, alone)
                    .alibiSlopes(slopes)
                    .build());
            assertArrayEquals(
                alone.toFloatArray(),
                output.slice(0, b, b + 1).toFloatArray(),
                tier + ", sample " + b + ", " + positions.dtype());
          }
        }
      }
    }
  }

  @Test
  void multiHeadAttentionHasThemToo() {
    Attention causal = Attention.builder().causal(Causal.TOP_LEFT).build();
    try (Arena arena = Arena.ofConfined()) {
      Tensor weight = random(arena, 3, 24, 8);
      Tensor x = random(arena, 4, 2, 6, 8);
      Tensor query = x.slice(1, 0, 2);
      Tensor output = Tensor.allocate(arena, DType.F32, 2, 2, 8);
      Tensor alone = Tensor.allocate(arena, DType.F32, 1, 2, 8);
      Tensor positions = Tensor.copyOf(arena, new long[] {1, 4}, 2);
      for (Tier tier : Tier.usable()) {
        Device device = tier.device();
        try (MultiHeadAttention mha =
                MultiHeadAttention.builder(device)
                    .heads(2)
                    .inProjection(weight, null)
                    .attention(causal)
                    .build();
            MultiHeadAttention bottomRight =
                MultiHeadAttention.builder(device)
                    .heads(2)
                    .inProjection(weight, null)
                    .attention(Attention.builder().causal(Causal.BOTTOM_RIGHT).build())
                    .build()) {
          mha.run(
              device,
              MultiHeadAttentionTensors.builder(query, x, x, output).positions(positions).build());
          Tensor second = x.slice(0, 1, 2); // 6 - 2 = 4: bottom-right
          bottomRight.run(device, query.slice(0, 1, 2), second, second, alone);
          assertArrayEquals(
              alone.toFloatArray(), output.slice(0, 1, 2).toFloatArray(), tier.toString());
        }
      }
    }
  }

  @Test
  void anyPositionAndAnyWindow() {
    long far = Long.MAX_VALUE;
    try (Arena arena = Arena.ofConfined()) {
      for (Tier tier : Tier.usable()) {
        assertEquals(5, seen(tier, arena, far, far, -1), "open, in so many words");
        assertEquals(5, seen(tier, arena, 1L << 61, far, 0));
        assertEquals(1, seen(tier, arena, -far, -1, far));
        assertEquals(0, seen(tier, arena, 1L << 62, 1L << 61, -1));
        assertEquals(0, seen(tier, arena, Long.MIN_VALUE, far, 1L << 62));
        assertEquals(0, seen(tier, arena, far, 3, far));
        assertEquals(2, seen(tier, arena, 4, 1, far));
      }
    }
  }

  /** How many of 5 keys a query at a position sees. */
  private static long seen(Tier tier, Arena arena, long position, long left, long right) {
    Tensor query = Tensor.allocate(arena, DType.F32, 1, 8);
    Tensor key = Tensor.allocate(arena, DType.F32, 5, 8);
    Tensor lse = Tensor.allocate(arena, DType.F32, 1);
    Attention.builder()
        .position(position)
        .window(left, right)
        .build()
        .run(
            tier.device(),
            AttentionTensors.builder(query, key, key, Tensor.allocate(arena, DType.F32, 1, 8))
                .lse(lse)
                .build());
    return Math.round(Math.exp(lse.get(0)));
  }

  @Test
  void distancesAreThoseOfFarPositions() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = Tensor.allocate(arena, DType.F32, 1, 8);
      Tensor lse = Tensor.allocate(arena, DType.F32, 1);
      AttentionTensors tensors =
          AttentionTensors.builder(x, x, x, Tensor.allocate(arena, DType.F32, 1, 8))
              .alibiSlopes(Tensor.copyOf(arena, new float[] {1}, 1))
              .lse(lse)
              .build();
      for (Tier tier : Tier.usable()) {
        Attention.builder().position(1L << 62).build().run(tier.device(), tensors);
        assertEquals(-0x1p62f, lse.get(0), tier.toString());
      }
    }
  }

  @Test
  void twoAnswersAreOneTooMany() {
    try (Arena arena = Arena.ofConfined();
        Device device = Device.java()) {
      Tensor x = Tensor.allocate(arena, DType.F32, 2, 1, 3, 8);
      Tensor out = Tensor.allocate(arena, DType.F32, 2, 1, 3, 8);
      AttentionTensors tensors =
          AttentionTensors.builder(x, x, x, out)
              .positions(Tensor.copyOf(arena, new long[] {1, 2}, 2))
              .build();
      rejected("position is 4", device, Attention.builder().position(4).build(), tensors);
      rejected("BOTTOM_RIGHT", device, bottomRight(), tensors);
      AttentionTensors three =
          tensors.toBuilder().positions(Tensor.allocate(arena, DType.I64, 3)).build();
      rejected("positions is I64 (3)", device, Attention.builder().build(), three);
    }
  }

  private static Attention bottomRight() {
    return Attention.builder().causal(Causal.BOTTOM_RIGHT).build();
  }

  private static void rejected(
      String part, Device device, Attention attention, AttentionTensors t) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> attention.run(device, t)).getMessage();
    assertTrue(message.contains(part), message);
  }
}
