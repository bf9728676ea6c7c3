// SPDX-License-Identifier: Apache-2.0
package dev.rapt.sdpa;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.MultiHeadAttention;
import dev.rapt.MultiHeadAttentionTensors;
import dev.rapt.Tensor;
import dev.rapt.WeightsStage;
import dev.rapt.check.Tier;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights of 16 bits are the f32 ones, rounded once. */
class WeightsTest {
  private static final DType[] NARROW = {DType.F16, DType.BF16};

  @ParameterizedTest
  @EnumSource(WeightsStage.class)
  void attention(WeightsStage stage) {
    Attention attention = Attention.builder().softcap(20).weightsStage(stage).build();
    try (Arena arena = Arena.ofConfined()) {
      Tensor query = random(arena, 1, 4, 37, 16);
      Tensor key = random(arena, 1, 2, 70, 16);
      Tensor bias = random(arena, 37, 70);
      Tensor mask = Tensor.allocate(arena, DType.BOOL, 37, 70);
      for (int i = 1; i < 37; i++) { // no key for query 0
        for (int j = 0; j < 70; j += 1 + i % 3) {
          mask.setBoolean(true, i, j);
        }
      }
      Call call =
          (device, weights) ->
              attention.run(
                  device,
                  AttentionTensors.builder(
                          query, key, key, Tensor.allocate(arena, DType.F32, 1, 4, 37, 16))
                      .bias(bias)
                      .mask(mask)
                      .weights(weights)
                      .build());
      check(call, 1, 4, 37, 70);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void multiHeadAttention(boolean averaged) {
    long[] shape = averaged ? new long[] {2, 5, 9} : new long[] {2, 4, 5, 9};
    try (Arena arena = Arena.ofConfined()) {
      Tensor projections = random(arena, 96, 32);
      Tensor query = random(arena, 2, 5, 32);
      Tensor key = random(arena, 2, 8, 32);
      Call call =
          (device, weights) -> {
            try (MultiHeadAttention mha =
                MultiHeadAttention.builder(device)
                    .heads(4)
                    .inProjection(projections, null)
                    .zeroAttention(true)
                    .averageWeights(averaged)
                    .build()) {
              Tensor output = Tensor.allocate(arena, DType.F32, 2, 5, 32);
              mha.run(
                  device,
                  MultiHeadAttentionTensors.builder(query, key, key, output)
                      .weights(weights)
                      .build());
            }
          };
      check(call, shape);
    }
  }

  private interface Call {
    void run(Device device, Tensor weights);
  }

  private static void check(Call call, long... shape) {
    for (Tier tier : Tier.usable()) {
      try (Arena arena = Arena.ofConfined()) {
        Tensor exact = Tensor.allocate(arena, DType.F32, shape);
        call.run(tier.device(), exact);
        for (DType dtype : NARROW) {
          Tensor narrow = Tensor.allocate(arena, dtype, shape);
          call.run(tier.device(), narrow);
          if (tier == Tier.JAVA) {
            near(exact.toFloatArray(), narrow.toFloatArray(), dtype);
          } else {
            Tensor rounded = exact.toType(arena, dtype);
            assertArrayEquals(rounded.toShortArray(), narrow.toShortArray(), tier + " " + dtype);
          }
        }
      }
    }
  }

  /** The reference rounds a double, which is not always what the f32 between them rounds to. */
  private static void near(float[] exact, float[] narrow, DType dtype) {
    float half = dtype == DType.F16 ? 0x1p-11f : 0x1p-8f;
    for (int i = 0; i < exact.length; i++) {
      float bound = Math.abs(exact[i]) * half * 1.001f + 0x1p-25f; // or half a denormal of f16
      if (exact[i] != narrow[i]) { // infinities
        assertEquals(exact[i], narrow[i], bound, "reference " + dtype + " " + i);
      }
    }
  }

  private static Tensor random(Arena arena, long... shape) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, shape);
    Random random = new Random(shape.length);
    float[] values = new float[(int) tensor.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = 2 * random.nextFloat() - 1;
    }
    tensor.copyFrom(values);
    return tensor;
  }
}
