// SPDX-License-Identifier: Apache-2.0
package dev.rapt.linear;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Linear;
import dev.rapt.MultiHeadAttention;
import dev.rapt.QuantizedMatrix;
import dev.rapt.QuantizedMatrix.Format;
import dev.rapt.RaptException;
import dev.rapt.RaptStatus;
import dev.rapt.Tensor;
import dev.rapt.check.Bounded;
import dev.rapt.check.Cuda;
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
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Projections with weights in blocks on every tier, beside the numbers that these stand for. */
class QuantizedLinearTest {
  record Case(Format format, int rows, int in, int out, boolean bias, DType storage) {}

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (Format format : new Format[] {Format.Q8_0, Format.Q4_0}) {
      for (int rows : new int[] {1, 2, 3, 4, 5, 7, 12, 13, 16, 17, 33, 100}) {
        cases.add(new Case(format, rows, 96, 50, true, DType.F32));
      }
      for (int out : new int[] {1, 15, 16, 17, 31, 32, 33, 130, 200}) {
        cases.add(new Case(format, 1, 64, out, false, DType.F32));
      }
      cases.add(new Case(format, 1, 32, 5, true, DType.F16));
      cases.add(new Case(format, 6, 2080, 40, true, DType.BF16));
      cases.add(new Case(format, 2, 4096, 70, false, DType.F32));
    }
    return cases.stream();
  }

  /** Weights and what they stand for. */
  private static float[] fill(MemorySegment blocks, Format format, Random random) {
    float[] weights = new float[(int) (blocks.byteSize() / format.blockBytes()) * 32];
    for (int block = 0; block < weights.length / 32; block++) {
      long at = (long) block * format.blockBytes();
      short scale = Float.floatToFloat16((float) random.nextGaussian() / 64);
      blocks.set(ValueLayout.JAVA_SHORT, at, scale);
      for (int i = 0; i < 32; i++) {
        int number;
        if (format == Format.Q8_0) {
          number = random.nextInt(-128, 128);
          blocks.set(ValueLayout.JAVA_BYTE, at + 2 + i, (byte) number);
        } else {
          number = random.nextInt(-8, 8);
          long pair = at + 2 + i % 16;
          int other = i < 16 ? 0 : blocks.get(ValueLayout.JAVA_BYTE, pair) & 15;
          int nibble = (number + 8) << (i < 16 ? 0 : 4);
          blocks.set(ValueLayout.JAVA_BYTE, pair, (byte) (other | nibble));
        }
        weights[32 * block + i] = number * Float.float16ToFloat(scale);
      }
    }
    return weights;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void everyTierAgreesWithTheOracle(Case c) {
    Random random = new Random(c.hashCode());
    try (Arena arena = Arena.ofShared()) {
      MemorySegment blocks =
          arena.allocate((long) c.out * c.in / 32 * c.format.blockBytes(), Short.BYTES);
      float[] weights = fill(blocks, c.format, random);
      float[] x = Values.round(Values.normal(random, c.rows * c.in, 1), c.storage);
      float[] b = c.bias ? Values.normal(random, c.out, 1) : null;
      Projection projection = new Projection(c.in, c.out, weights, b);
      Bounded expected =
          MhaOracle.linear(Bounded.exact(Values.widen(x)), projection).stored(c.storage);
      Tensor input = Tensor.copyOf(arena, c.storage, x, c.rows, c.in);
      Tensor output = Tensor.allocate(arena, c.storage, c.rows, c.out);
      Tensor bias = b == null ? null : Tensor.copyOf(arena, b, c.out);
      Tensor plain = Tensor.copyOf(arena, weights, c.out, c.in);
      QuantizedMatrix matrix = QuantizedMatrix.of(blocks, c.format, c.out, c.in);
      for (Tier tier : Tier.worth(c, false)) {
        Device device = tier.device();
        float[] result;
        try (Linear linear = Linear.of(device, matrix, bias)) {
          assertEquals(c.in, linear.inFeatures());
          assertEquals(c.out, linear.outFeatures());
          linear.run(device, input, output);
          result = output.toFloatArray();
          ErrorBound.check(c + " on " + tier, expected, result);
        }
        try (Linear linear = Linear.of(device, plain, bias)) {
          linear.run(device, input, output);
          assertArrayEquals(output.toFloatArray(), result, c + " on " + tier + ", beside F32");
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0"})
  void multiHeadAttentionTakesThemForAnyProjection(Format format) {
    int heads = 2;
    int width = 64;
    Random random = new Random(format.ordinal());
    try (Arena arena = Arena.ofShared()) {
      QuantizedMatrix[] matrices = new QuantizedMatrix[4];
      Tensor[] plain = new Tensor[4];
      for (int i = 0; i < 4; i++) {
        MemorySegment blocks = arena.allocate((long) width * width / 32 * format.blockBytes(), 2);
        plain[i] = Tensor.copyOf(arena, fill(blocks, format, random), width, width);
        matrices[i] = QuantizedMatrix.of(blocks, format, width, width);
      }
      Tensor bias = Tensor.copyOf(arena, Values.normal(random, width, 1), width);
      Tensor input = Tensor.copyOf(arena, Values.normal(random, 7 * width, 1), 7, width);
      Tensor output = Tensor.allocate(arena, DType.F32, 7, width);
      for (Tier tier : Tier.worth(format, false)) {
        Device device = tier.device();
        float[] expected;
        try (MultiHeadAttention layer =
            MultiHeadAttention.builder(device)
                .heads(heads)
                .query(plain[0], bias)
                .key(plain[1], null)
                .value(plain[2], bias)
                .output(plain[3], bias)
                .build()) {
          layer.run(device, input, input, input, output);
          expected = output.toFloatArray();
        }
        try (MultiHeadAttention layer =
            MultiHeadAttention.builder(device)
                .heads(heads)
                .query(matrices[0], bias)
                .key(matrices[1], null)
                .value(matrices[2], bias)
                .output(matrices[3], bias)
                .build()) {
          layer.run(device, input, input, input, output);
          assertArrayEquals(expected, output.toFloatArray(), tier + ", beside F32");
        }
      }
    }
  }

  @Test
  void multiHeadAttentionNamesAWrongMatrix() {
    try (Arena arena = Arena.ofConfined()) {
      QuantizedMatrix square = QuantizedMatrix.of(arena.allocate(34 * 64, 2), Format.Q8_0, 32, 64);
      QuantizedMatrix wide = QuantizedMatrix.of(arena.allocate(34 * 96, 2), Format.Q8_0, 48, 64);
      MultiHeadAttention.Builder builder =
          MultiHeadAttention.builder(Tier.JAVA.device()).heads(4).query(square, null);
      refused(
          "key weight is Q8_0 (48, 64) with size 48 in dimension 0; allowed: 32",
          () -> builder.key(wide, null).value(square, null).build());
      refused(
          "query weight is Q8_0 (32, 64) with 32 rows; allowed: a multiple of 5 heads",
          () -> builder.heads(5).build());
    }
  }

  private static void refused(String words, Runnable call) {
    IllegalArgumentException thrown = assertThrows(IllegalArgumentException.class, call::run);
    assertTrue(thrown.getMessage().contains(words), thrown.getMessage());
  }

  @Test
  void namesWhatIsWrong() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment blocks = arena.allocate(34 * 4, 64);
      refused(
          "columns is 33; allowed: multiples of 32",
          () -> QuantizedMatrix.of(blocks, Format.Q8_0, 2, 33));
      refused("rows is 0; allowed: 1 to", () -> QuantizedMatrix.of(blocks, Format.Q8_0, 0, 32));
      refused("aligned to 2", () -> QuantizedMatrix.of(blocks.asSlice(1), Format.Q4_0, 1, 32));
      refused(
          "heap",
          () -> QuantizedMatrix.of(MemorySegment.ofArray(new short[17]), Format.Q8_0, 1, 32));
      assertThrows(
          IllegalArgumentException.class, () -> QuantizedMatrix.of(blocks, Format.Q8_0, 5, 32));
      QuantizedMatrix matrix = QuantizedMatrix.of(blocks, Format.Q8_0, 2, 64);
      assertEquals("Q8_0 (2, 64)", matrix.toString());
      Tensor bias = Tensor.allocate(arena, DType.F32, 3);
      refused("the rows of weight", () -> Linear.of(Tier.JAVA.device(), matrix, bias));
    }
  }

  @Test
  void closedMemoryIsNamed() {
    QuantizedMatrix matrix;
    try (Arena arena = Arena.ofConfined()) {
      matrix = QuantizedMatrix.of(arena.allocate(34, 2), Format.Q8_0, 1, 32);
    }
    IllegalStateException thrown =
        assertThrows(IllegalStateException.class, () -> Linear.of(Tier.JAVA.device(), matrix));
    assertEquals("weight lies in an arena that is already closed", thrown.getMessage());
  }

  @Test
  void cudaSaysThatItTakesNone() {
    Cuda.require();
    try (Arena arena = Arena.ofConfined()) {
      QuantizedMatrix matrix = QuantizedMatrix.of(arena.allocate(18, 2), Format.Q4_0, 1, 32);
      RaptException thrown =
          assertThrows(RaptException.class, () -> Linear.of(Cuda.device(), matrix));
      assertEquals(RaptStatus.UNSUPPORTED, thrown.status());
      assertTrue(
          thrown.getMessage().startsWith("weight is q4_0; CUDA device"), thrown.getMessage());
    }
  }
}
