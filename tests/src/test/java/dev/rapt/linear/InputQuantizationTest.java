// SPDX-License-Identifier: Apache-2.0
package dev.rapt.linear;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.InputQuantization;
import dev.rapt.Linear;
import dev.rapt.MultiHeadAttention;
import dev.rapt.QuantizedMatrix;
import dev.rapt.QuantizedMatrix.Format;
import dev.rapt.Tensor;
import dev.rapt.check.Bounded;
import dev.rapt.check.ErrorBound;
import dev.rapt.check.Tier;
import dev.rapt.check.Values;
import dev.rapt.mha.MhaData.Projection;
import dev.rapt.mha.MhaOracle;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Projections whose input is rounded to bytes, on every tier. */
class InputQuantizationTest {
  record Case(Format format, int rows, int in, int out, float size, DType storage) {}

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (Format format : new Format[] {Format.Q8_0, Format.Q4_0}) {
      for (int rows : new int[] {1, 2, 5, 16, 33, 140}) {
        cases.add(new Case(format, rows, 96, 50, 1, DType.F32));
      }
      for (int out : new int[] {1, 16, 31, 33, 200}) {
        cases.add(new Case(format, 1, 64, out, 100, DType.F32));
      }
      cases.add(new Case(format, 3, 64, 40, 0, DType.F32));
      cases.add(new Case(format, 3, 64, 40, 0x1p-140f, DType.F32));
      cases.add(new Case(format, 3, 32, 5, 1, DType.F16));
      cases.add(new Case(format, 6, 2080, 40, 1, DType.BF16));
    }
    return cases.stream();
  }

  private static MemorySegment blocks(Arena arena, Format format, int count, Random random) {
    MemorySegment blocks = arena.allocate((long) count * format.blockBytes(), Short.BYTES);
    byte[] bytes = new byte[(int) blocks.byteSize()];
    random.nextBytes(bytes);
    MemorySegment.copy(bytes, 0, blocks, ValueLayout.JAVA_BYTE, 0, bytes.length);
    for (int n = 0; n < count; n++) {
      short scale = Float.floatToFloat16((float) random.nextGaussian() / 64);
      blocks.set(ValueLayout.JAVA_SHORT, (long) n * format.blockBytes(), scale);
    }
    return blocks;
  }

  /** What blocks stand for. */
  private static float[] widen(MemorySegment blocks, Format format) {
    float[] weights = new float[(int) (blocks.byteSize() / format.blockBytes()) * 32];
    for (int i = 0; i < weights.length; i++) {
      long at = (long) (i / 32) * format.blockBytes();
      float scale = Float.float16ToFloat(blocks.get(ValueLayout.JAVA_SHORT, at));
      int number =
          format == Format.Q8_0
              ? blocks.get(ValueLayout.JAVA_BYTE, at + 2 + i % 32)
              : (blocks.get(ValueLayout.JAVA_BYTE, at + 2 + i % 16) >> (i % 32 < 16 ? 0 : 4) & 15)
                  - 8;
      weights[i] = number * scale;
    }
    return weights;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void everyTierStaysWithinTheBound(Case c) {
    Random random = new Random(c.hashCode());
    try (Arena arena = Arena.ofShared()) {
      MemorySegment blocks = blocks(arena, c.format, c.out * c.in / 32, random);
      float[] weights = widen(blocks, c.format);
      float[] x = Values.round(Values.normal(random, c.rows * c.in, c.size), c.storage);
      float[] b = Values.normal(random, c.out, 1);
      Projection projection = new Projection(c.in, c.out, weights, b);
      Bounded exact = MhaOracle.linear(Bounded.exact(Values.widen(x)), projection);
      Bounded expected = InputRounding.added(exact, x, weights, c.in).stored(c.storage);
      Tensor input = Tensor.copyOf(arena, c.storage, x, c.rows, c.in);
      Tensor output = Tensor.allocate(arena, c.storage, c.rows, c.out);
      QuantizedMatrix matrix = QuantizedMatrix.of(blocks, c.format, c.out, c.in);
      for (Tier tier : Tier.worth(c, false)) {
        Tensor bias = Tensor.copyOf(arena, b, c.out);
        try (Linear linear = Linear.of(tier.device(), matrix, bias, InputQuantization.I8_BLOCKS)) {
          linear.run(tier.device(), input, output);
          ErrorBound.check(c + " on " + tier, expected, output.toFloatArray());
          if (tier != Tier.JAVA) {
            String name = linear.plan(tier.device(), input, output).name();
            assertTrue(name.contains("_i8"), name);
          }
        }
      }
    }
  }

  @Test
  void somethingThatIsNoNumberReachesItsRowAlone() {
    Random random = new Random(4);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment blocks = blocks(arena, Format.Q4_0, 20 * 64 / 32, random);
      QuantizedMatrix matrix = QuantizedMatrix.of(blocks, Format.Q4_0, 20, 64);
      for (float odd : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
        float[] x = Values.normal(random, 3 * 64, 1);
        x[64 + 40] = odd;
        Tensor input = Tensor.copyOf(arena, x, 3, 64);
        Tensor output = Tensor.allocate(arena, DType.F32, 3, 20);
        for (Tier tier : Tier.worth(odd, false)) {
          try (Linear linear =
              Linear.of(tier.device(), matrix, null, InputQuantization.I8_BLOCKS)) {
            linear.run(tier.device(), input, output);
          }
          float[] result = output.toFloatArray();
          for (int i = 0; i < result.length; i++) {
            assertEquals(i / 20 == 1, Float.isNaN(result[i]), tier + " with " + odd + ", " + i);
          }
        }
      }
    }
  }

  /** With one key attention's result is its value, and the layer is two projections. */
  @Test
  void multiHeadAttentionRoundsForEveryProjection() {
    int width = 64;
    Random random = new Random(9);
    try (Arena arena = Arena.ofShared()) {
      QuantizedMatrix[] matrices = new QuantizedMatrix[4];
      for (int i = 0; i < 4; i++) {
        MemorySegment blocks = blocks(arena, Format.Q8_0, width * width / 32, random);
        matrices[i] = QuantizedMatrix.of(blocks, Format.Q8_0, width, width);
      }
      Tensor input = Tensor.copyOf(arena, Values.normal(random, width, 1), 1, width);
      Tensor between = Tensor.allocate(arena, DType.F32, 1, width);
      Tensor expected = Tensor.allocate(arena, DType.F32, 1, width);
      Tensor output = Tensor.allocate(arena, DType.F32, 1, width);
      InputQuantization rounding = InputQuantization.I8_BLOCKS;
      for (Tier tier : Tier.worth(width, false)) {
        Device device = tier.device();
        try (Linear value = Linear.of(device, matrices[2], null, rounding);
            Linear last = Linear.of(device, matrices[3], null, rounding);
            MultiHeadAttention layer =
                MultiHeadAttention.builder(device)
                    .heads(2)
                    .query(matrices[0], null)
                    .key(matrices[1], null)
                    .value(matrices[2], null)
                    .output(matrices[3], null)
                    .inputQuantization(rounding)
                    .build()) {
          value.run(device, input, between);
          last.run(device, between, expected);
          layer.run(device, input, input, input, output);
          float[] wanted = expected.toFloatArray();
          float[] result = output.toFloatArray();
          if (tier == Tier.JAVA) {
            ErrorBound.checkReordered("the reference's double in between", wanted, result);
          } else {
            assertArrayEquals(wanted, result, tier.toString());
          }
        }
      }
    }
  }

  @Test
  void floatsAreRefused() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor plain = Tensor.allocate(arena, DType.F32, 32, 32);
      QuantizedMatrix matrix = QuantizedMatrix.of(arena.allocate(34 * 32, 2), Format.Q8_0, 32, 32);
      MultiHeadAttention.Builder builder =
          MultiHeadAttention.builder(Tier.JAVA.device())
              .heads(2)
              .query(matrix, null)
              .key(plain, null)
              .value(matrix, null)
              .inputQuantization(InputQuantization.I8_BLOCKS);
      IllegalArgumentException thrown =
          assertThrows(IllegalArgumentException.class, builder::build);
      assertTrue(
          thrown.getMessage().startsWith("key weight is F32 (32, 32)")
              && thrown.getMessage().endsWith("; allowed with I8_BLOCKS: a QuantizedMatrix"),
          thrown.getMessage());
    }
  }
}
