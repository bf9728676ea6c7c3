// SPDX-License-Identifier: Apache-2.0
package dev.rapt.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Numbers that a type does not hold, by every way into a tensor, as literal bits. */
class TensorRoundingTest {
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  @ParameterizedTest(name = "{0}: {1} is {2}")
  @CsvSource({
    "F16, 0x1.002p0, 3C00", // a tie: down to the even one
    "F16, 0x1.006p0, 3C02", // a tie: up to the even one
    "F16, 0x1.002002p0, 3C01",
    "F16, -0x1.006p0, BC02",
    "F16, 65504, 7BFF",
    "F16, 65519.99, 7BFF",
    "F16, 65520, 7C00", // a tie between the largest number and infinity
    "F16, -1e30, FC00",
    "F16, Infinity, 7C00",
    "F16, 0x1p-24, 0001",
    "F16, 0x1p-25, 0000", // a tie between 0 and the smallest number
    "F16, 0x1.000002p-25, 0001",
    "F16, 0x1.8p-24, 0002",
    "F16, 0x1.ffcp-15, 0400", // a tie between the largest subnormal and the smallest normal number
    "F16, 0x1.ff8p-15, 03FF",
    "F16, -0x1p-30, 8000",
    "F16, -0.0, 8000",
    "F16, 1e-45, 0000",
    "BF16, 0x1.01p0, 3F80",
    "BF16, 0x1.03p0, 3F82",
    "BF16, 0x1.010002p0, 3F81",
    "BF16, -0x1.03p0, BF82",
    "BF16, 0x1.fep127, 7F7F",
    "BF16, 0x1.fefffep127, 7F7F",
    "BF16, 0x1.ffp127, 7F80",
    "BF16, -0x1.fffffep127, FF80",
    "BF16, -Infinity, FF80",
    "BF16, 0x1p-133, 0001",
    "BF16, 0x1p-134, 0000",
    "BF16, 0x1.8p-133, 0002",
    "BF16, 0x1.fep-127, 0080",
    "BF16, -0x1p-140, 8000",
    "BF16, -0.0, 8000"
  })
  void roundsToNearestEven(DType dtype, String number, String hex) {
    float value = Float.parseFloat(number);
    short bits = (short) Integer.parseInt(hex, 16);
    for (Tensor tensor : writtenWith(dtype, value)) {
      assertArrayEquals(new short[] {bits, bits}, tensor.toShortArray());
    }
  }

  /** Two elements of that value, by each method that takes a float. */
  private List<Tensor> writtenWith(DType dtype, float value) {
    float[] data = {value, value};
    Tensor each = Tensor.allocate(arena, dtype, 2);
    each.set(value, 0);
    each.set(value, 1);
    Tensor filled = Tensor.allocate(arena, dtype, 2);
    filled.fill(value);
    Tensor copied = Tensor.allocate(arena, dtype, 2);
    copied.copyFrom(data);
    Tensor converted = Tensor.allocate(arena, dtype, 2);
    Tensor single = Tensor.copyOf(arena, data, 2);
    converted.copyFrom(single);
    return List.of(
        each,
        filled,
        copied,
        converted,
        Tensor.copyOf(arena, dtype, data, 2),
        single.toType(arena, dtype));
  }

  /** A NaN whose bits in the upper half are those of infinity. */
  @Test
  void notANumberStaysNone() {
    for (int bits : new int[] {0x7F800001, 0xFF800001, 0x7FC00000, 0xFFFFFFFF}) {
      float nan = Float.intBitsToFloat(bits);
      for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
        for (Tensor tensor : writtenWith(dtype, nan)) {
          assertTrue(Float.isNaN(tensor.get(0)) && Float.isNaN(tensor.get(1)), dtype + " " + bits);
          assertTrue(Float.isNaN(tensor.toType(arena, DType.F32).get(1)), dtype + " " + bits);
        }
      }
    }
  }

  /** An integer is rounded once: by way of the nearest f32 these would be ties. */
  @Test
  void integersAreRoundedOnce() {
    long[] longs = {
      (1L << 24) + 1,
      (1L << 24) + 3,
      (1L << 32) + (1L << 24),
      (1L << 32) + (1L << 24) + 1,
      -(1L << 32) - (1L << 24) - 1,
      (1L << 32) + 3 * (1L << 24) - 1,
      65519,
      65520,
      Long.MAX_VALUE,
      Long.MIN_VALUE
    };
    Tensor whole = Tensor.copyOf(arena, longs, longs.length);
    assertArrayEquals(
        new float[] {
          0x1p24f,
          0x1.000004p24f,
          0x1.01p32f,
          0x1.01p32f,
          -0x1.01p32f,
          0x1.03p32f,
          65519,
          65520,
          0x1p63f,
          -0x1p63f
        },
        whole.toType(arena, DType.F32).toFloatArray());
    assertArrayEquals(
        new float[] {
          0x1p24f,
          0x1p24f,
          0x1p32f,
          0x1.02p32f,
          -0x1.02p32f,
          0x1.02p32f,
          65536,
          65536,
          0x1p63f,
          -0x1p63f
        },
        whole.toType(arena, DType.BF16).toFloatArray());
    float infinity = Float.POSITIVE_INFINITY;
    assertArrayEquals(
        new float[] {
          infinity, infinity, infinity, infinity, -infinity, infinity, 65504, infinity, infinity,
          -infinity
        },
        whole.toType(arena, DType.F16).toFloatArray());
  }

  @Test
  void wholeFloatsBecomeIntegersAndBack() {
    float[] floats = {-128, -0f, 0, 1, 127};
    for (DType dtype : new DType[] {DType.I8, DType.I32, DType.I64}) {
      Tensor whole = Tensor.copyOf(arena, floats, 5).toType(arena, dtype);
      assertArrayEquals(
          new float[] {-128, 0, 0, 1, 127}, whole.toType(arena, DType.F32).toFloatArray());
    }
    Tensor large = Tensor.copyOf(arena, new float[] {0x1p62f, -0x1p63f}, 2);
    assertArrayEquals(
        new long[] {1L << 62, Long.MIN_VALUE}, large.toType(arena, DType.I64).toLongArray());
    Tensor largest = Tensor.copyOf(arena, new float[] {0x1.fffffep30f, -0x1p31f}, 2);
    assertArrayEquals(
        new int[] {0x7FFFFF80, Integer.MIN_VALUE}, largest.toType(arena, DType.I32).toIntArray());
  }

  @Test
  void everythingButZeroIsTrue() {
    float[] floats = {0, -0f, 1, -1, 1e-45f, Float.NaN, Float.NEGATIVE_INFINITY};
    boolean[] truth = {false, false, true, true, true, true, true};
    for (Tensor tensor :
        List.of(
            Tensor.copyOf(arena, floats, 7).toType(arena, DType.BOOL),
            Tensor.copyOf(arena, DType.BOOL, floats, 7))) {
      assertArrayEquals(truth, tensor.toBooleanArray());
      assertEquals(1, tensor.segment().get(ValueLayout.JAVA_BYTE, 3));
    }
    Tensor whole = Tensor.copyOf(arena, new long[] {0, 1L << 32, -1}, 3);
    assertArrayEquals(
        new boolean[] {false, true, true}, whole.toType(arena, DType.BOOL).toBooleanArray());
    Tensor back = Tensor.copyOf(arena, truth, 7);
    for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16, DType.I8}) {
      assertArrayEquals(
          new float[] {0, 0, 1, 1, 1, 1, 1}, back.toType(arena, dtype).toFloatArray());
    }
    assertArrayEquals(
        new long[] {0, 0, 1, 1, 1, 1, 1}, back.toType(arena, DType.I64).toLongArray());
  }
}
