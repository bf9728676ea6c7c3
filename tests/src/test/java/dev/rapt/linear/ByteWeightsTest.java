// SPDX-License-Identifier: Apache-2.0
package dev.rapt.linear;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.InputQuantization;
import dev.rapt.Linear;
import dev.rapt.MultiHeadAttention;
import dev.rapt.Quantization;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Projections whose weights are signed bytes with a scale for each output feature, on every tier,
 * with input as it is and rounded to bytes.
 */
class ByteWeightsTest {
  /** How bytes and scales lie in memory. */
  enum Lying {
    DENSE,
    TRANSPOSED,
    EVERY_SECOND,
    ONE_SCALE_FOR_ALL
  }

  record Case(
      InputQuantization mode,
      int rows,
      int in,
      int out,
      Lying lying,
      DType scale,
      boolean bias,
      DType storage) {}

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (InputQuantization mode : InputQuantization.values()) {
      for (int rows : new int[] {1, 2, 3, 4, 5, 7, 12, 13, 17, 33, 100}) {
        cases.add(new Case(mode, rows, 96, 50, Lying.DENSE, DType.F32, true, DType.F32));
      }
      for (int out : new int[] {1, 15, 16, 17, 31, 33, 130}) {
        cases.add(new Case(mode, 1, 64, out, Lying.DENSE, DType.F32, false, DType.F32));
      }
      for (int in : new int[] {1, 2, 31, 33, 65, 100}) {
        cases.add(new Case(mode, 5, in, 40, Lying.DENSE, DType.F32, true, DType.F32));
      }
      for (Lying lying : Lying.values()) {
        cases.add(new Case(mode, 3, 64, 21, lying, DType.F16, true, DType.BF16));
        cases.add(new Case(mode, 40, 37, 35, lying, DType.BF16, false, DType.F16));
      }
      cases.add(new Case(mode, 6, 2080, 40, Lying.DENSE, DType.F32, true, DType.F32));
    }
    return cases.stream();
  }

  /** Bytes from -128 to 127. */
  private static float[] numbers(Random random, int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = random.nextInt(-128, 128);
    }
    return numbers;
  }

  private static Tensor bytes(Arena arena, float[] numbers, int out, int in, Lying lying) {
    Tensor bytes =
        switch (lying) {
          case DENSE, ONE_SCALE_FOR_ALL -> Tensor.allocate(arena, DType.I8, out, in);
          case TRANSPOSED -> Tensor.allocate(arena, DType.I8, in, out).permute(1, 0);
          case EVERY_SECOND -> Tensor.allocate(arena, DType.I8, out, in, 2).select(2, 1);
        };
    bytes.copyFrom(numbers);
    return bytes;
  }

  private static Tensor scales(Arena arena, float[] scales, DType dtype, Lying lying) {
    Tensor own = Tensor.allocate(arena, dtype, scales.length, 2).select(1, 0);
    own.copyFrom(scales);
    return switch (lying) {
      case DENSE, TRANSPOSED -> Tensor.copyOf(arena, dtype, scales, scales.length);
      case EVERY_SECOND -> own;
      case ONE_SCALE_FOR_ALL -> own.slice(0, 0, 1).expand(scales.length);
    };
  }

  /** What bytes and scales stand for, rounded to f32 as the kernels do it. */
  private static float[] widen(float[] numbers, Tensor scale) {
    float[] weights = numbers.clone();
    int in = numbers.length / (int) scale.size(0);
    for (int i = 0; i < weights.length; i++) {
      weights[i] *= scale.get(i / in);
    }
    return weights;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void everyTierStaysWithinTheBound(Case c) {
    Random random = new Random(c.hashCode());
    try (Arena arena = Arena.ofShared()) {
      float[] numbers = numbers(random, c.out * c.in);
      Tensor bytes = bytes(arena, numbers, c.out, c.in, c.lying);
      Tensor scale = scales(arena, Values.normal(random, c.out, 0.02), c.scale, c.lying);
      float[] weights = widen(numbers, scale);
      float[] x = Values.round(Values.normal(random, c.rows * c.in, 1), c.storage);
      float[] b = c.bias ? Values.normal(random, c.out, 1) : null;
      Projection projection = new Projection(c.in, c.out, weights, b);
      Bounded expected = MhaOracle.linear(Bounded.exact(Values.widen(x)), projection);
      if (c.mode == InputQuantization.I8_BLOCKS) {
        expected = InputRounding.added(expected, x, weights, c.in);
      }
      expected = expected.stored(c.storage);
      Tensor input = Tensor.copyOf(arena, c.storage, x, c.rows, c.in);
      Tensor output = Tensor.allocate(arena, c.storage, c.rows, c.out);
      Tensor bias = b == null ? null : Tensor.copyOf(arena, b, c.out);
      Tensor plain = Tensor.copyOf(arena, weights, c.out, c.in);
      QuantizedMatrix matrix = QuantizedMatrix.of(bytes, scale);
      for (Tier tier : Tier.worth(c, false)) {
        Device device = tier.device();
        float[] result;
        try (Linear linear = Linear.of(device, matrix, bias, c.mode)) {
          assertEquals(c.in, linear.inFeatures());
          assertEquals(c.out, linear.outFeatures());
          linear.run(device, input, output);
          result = output.toFloatArray();
          ErrorBound.check(c + " on " + tier, expected, result);
          if (tier != Tier.JAVA) {
            String name = linear.plan(device, input, output).name();
            assertTrue(name.startsWith("linear_i8_"), name);
          }
        }
        if (tier != Tier.JAVA && c.mode == InputQuantization.NONE) {
          try (Linear linear = Linear.of(device, plain, bias)) {
            linear.run(device, input, output);
            assertArrayEquals(output.toFloatArray(), result, c + " on " + tier + ", beside F32");
          }
        }
      }
    }
  }

  /** With one key attention's result is its value, and the layer is two projections. */
  @ParameterizedTest
  @EnumSource(InputQuantization.class)
  void multiHeadAttentionTakesThemForEveryProjection(InputQuantization mode) {
    int width = 64;
    Random random = new Random(mode.ordinal());
    try (Arena arena = Arena.ofShared()) {
      QuantizedMatrix[] matrices = new QuantizedMatrix[4];
      for (int i = 0; i < 4; i++) {
        float[] numbers = numbers(random, width * width);
        Tensor scale = Tensor.copyOf(arena, Values.normal(random, width, 0.02), width);
        matrices[i] = QuantizedMatrix.of(bytes(arena, numbers, width, width, Lying.DENSE), scale);
      }
      Tensor bias = Tensor.copyOf(arena, Values.normal(random, width, 1), width);
      Tensor input = Tensor.copyOf(arena, Values.normal(random, width, 1), 1, width);
      Tensor between = Tensor.allocate(arena, DType.F32, 1, width);
      Tensor expected = Tensor.allocate(arena, DType.F32, 1, width);
      Tensor output = Tensor.allocate(arena, DType.F32, 1, width);
      for (Tier tier : Tier.worth(mode, false)) {
        Device device = tier.device();
        try (Linear value = Linear.of(device, matrices[2], bias, mode);
            Linear last = Linear.of(device, matrices[3], null, mode);
            MultiHeadAttention layer =
                MultiHeadAttention.builder(device)
                    .heads(2)
                    .query(matrices[0], null)
                    .key(matrices[1], bias)
                    .value(matrices[2], bias)
                    .output(matrices[3], null)
                    .inputQuantization(mode)
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

  /** What {@link Quantization} makes of a weight is such a matrix, within half of its scales. */
  @Test
  void quantizationMakesThem() {
    int in = 48;
    int out = 20;
    Random random = new Random(3);
    try (Arena arena = Arena.ofShared()) {
      Tensor weight = Tensor.copyOf(arena, Values.normal(random, out * in, 1), out, in);
      Tensor bytes = Tensor.allocate(arena, DType.I8, out, in);
      Tensor scale = Tensor.allocate(arena, DType.F32, out);
      Quantization.symmetric(weight, bytes, scale);
      float[] unit = new float[in * in];
      for (int i = 0; i < in; i++) {
        unit[i * in + i] = 1;
      }
      Tensor input = Tensor.copyOf(arena, unit, in, in);
      Tensor output = Tensor.allocate(arena, DType.F32, in, out);
      for (Tier tier : Tier.usable()) {
        try (Linear linear = Linear.of(tier.device(), QuantizedMatrix.of(bytes, scale))) {
          linear.run(tier.device(), input, output);
        }
        for (int o = 0; o < out; o++) {
          for (int i = 0; i < in; i++) {
            float half = scale.get(o) / 2 * (1 + 0x1p-20f);
            assertEquals(weight.get(o, i), output.get(i, o), half, tier + ", " + o + ", " + i);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(InputQuantization.class)
  void aScaleThatIsNoNumberReachesItsFeatureAlone(InputQuantization mode) {
    int out = 20;
    Random random = new Random(8);
    try (Arena arena = Arena.ofShared()) {
      float[] scales = Values.normal(random, out, 0.02);
      scales[7] = Float.NaN;
      Tensor bytes = bytes(arena, numbers(random, out * 64), out, 64, Lying.DENSE);
      QuantizedMatrix matrix = QuantizedMatrix.of(bytes, Tensor.copyOf(arena, scales, out));
      for (int rows : new int[] {1, 30}) {
        Tensor input = Tensor.copyOf(arena, Values.normal(random, rows * 64, 1), rows, 64);
        Tensor output = Tensor.allocate(arena, DType.F32, rows, out);
        for (Tier tier : Tier.usable()) {
          try (Linear linear = Linear.of(tier.device(), matrix, null, mode)) {
            linear.run(tier.device(), input, output);
          }
          float[] result = output.toFloatArray();
          for (int i = 0; i < result.length; i++) {
            assertEquals(i % out == 7, Float.isNaN(result[i]), tier + ", " + i);
          }
        }
      }
    }
  }

  private static void refused(String words, Runnable call) {
    IllegalArgumentException thrown = assertThrows(IllegalArgumentException.class, call::run);
    assertTrue(thrown.getMessage().contains(words), thrown.getMessage());
  }

  @Test
  void namesWhatIsWrong() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor bytes = Tensor.allocate(arena, DType.I8, 3, 5);
      Tensor scale = Tensor.allocate(arena, DType.F32, 3);
      QuantizedMatrix matrix = QuantizedMatrix.of(bytes, scale);
      assertEquals("I8 (3, 5)", matrix.toString());
      assertSame(bytes, matrix.bytes());
      assertSame(scale, matrix.scale());
      assertEquals(Format.I8, matrix.format());
      assertNull(QuantizedMatrix.of(arena.allocate(34, 2), Format.Q8_0, 1, 32).scale());
      refused(
          "bytes is I8 (5); allowed: rank 2 (rows, columns)",
          () -> QuantizedMatrix.of(bytes.select(0, 0), scale));
      refused(
          "bytes is F32 (3, 5); allowed: elements of type I8",
          () -> QuantizedMatrix.of(Tensor.allocate(arena, DType.F32, 3, 5), scale));
      refused("columns is 0; allowed: 1 to", () -> QuantizedMatrix.of(bytes.slice(1, 0, 0), scale));
      refused("rows is 0; allowed: 1 to", () -> QuantizedMatrix.of(bytes.slice(0, 0, 0), scale));
      refused("scale is I8 (3, 5); allowed: rank 1 (rows)", () -> QuantizedMatrix.of(bytes, bytes));
      refused(
          "scale is I8 (3)", () -> QuantizedMatrix.of(bytes, Tensor.allocate(arena, DType.I8, 3)));
      refused(
          "scale is F32 (2) with size 2 in dimension 0; allowed: 3, the rows of bytes",
          () -> QuantizedMatrix.of(bytes, scale.slice(0, 0, 2)));
      refused(
          "format is I8, whose scales lie apart; allowed: Q8_0 and Q4_0, or two tensors",
          () -> QuantizedMatrix.of(arena.allocate(64), Format.I8, 2, 32));
      refused(
          "the rows of weight",
          () -> Linear.of(Tier.JAVA.device(), matrix, Tensor.allocate(arena, DType.F32, 2)));
      refused(
          "query weight is I8 (3, 5) with 3 rows; allowed: a multiple of 2 heads",
          () ->
              MultiHeadAttention.builder(Tier.JAVA.device())
                  .heads(2)
                  .query(matrix, null)
                  .key(matrix, null)
                  .value(matrix, null)
                  .build());
    }
  }

  @Test
  void closedMemoryIsNamed() {
    try (Arena open = Arena.ofConfined()) {
      Tensor bytes = Tensor.allocate(open, DType.I8, 2, 5);
      Tensor scale = Tensor.allocate(open, DType.F32, 2);
      QuantizedMatrix withoutBytes;
      QuantizedMatrix withoutScale;
      try (Arena arena = Arena.ofConfined()) {
        withoutBytes = QuantizedMatrix.of(Tensor.allocate(arena, DType.I8, 2, 5), scale);
        withoutScale = QuantizedMatrix.of(bytes, Tensor.allocate(arena, DType.F32, 2));
      }
      for (Tier tier : Tier.usable()) {
        closed("weight", () -> Linear.of(tier.device(), withoutBytes));
        closed("weight's scale", () -> Linear.of(tier.device(), withoutScale));
      }
    }
  }

  private static void closed(String name, Runnable call) {
    IllegalStateException thrown = assertThrows(IllegalStateException.class, call::run);
    assertEquals(name + " lies in an arena that is already closed", thrown.getMessage());
  }

  @Test
  void cudaSaysThatItTakesNone() {
    Cuda.require();
    try (Arena arena = Arena.ofConfined()) {
      Tensor bytes = Tensor.allocate(arena, DType.I8, 2, 32);
      QuantizedMatrix matrix = QuantizedMatrix.of(bytes, Tensor.allocate(arena, DType.F32, 2));
      RaptException thrown =
          assertThrows(RaptException.class, () -> Linear.of(Cuda.device(), matrix));
      assertEquals(RaptStatus.UNSUPPORTED, thrown.status());
      assertTrue(thrown.getMessage().startsWith("weight is i8; CUDA device"), thrown.getMessage());
    }
  }
}
