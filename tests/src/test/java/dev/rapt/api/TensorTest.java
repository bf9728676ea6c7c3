// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.check.Values;
import dev.rapt.internal.Elements;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Views: what they name, and that they can name nothing outside their segment. */
class TensorTest {
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  private Tensor counting(long... shape) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, shape);
    float[] data = new float[(int) tensor.elements()];
    for (int i = 0; i < data.length; i++) {
      data[i] = i;
    }
    tensor.copyFrom(data);
    return tensor;
  }

  @Test
  void allocatesZeroedAndAligned() {
    Tensor tensor = Tensor.allocate(arena, DType.F32, 3, 5);
    assertEquals(0, tensor.address() % 64);
    assertArrayEquals(new float[15], tensor.toFloatArray());
    assertArrayEquals(new long[] {5, 1}, tensor.strides());
  }

  @Test
  void permutes() {
    Tensor tensor = counting(2, 3).permute(1, 0);
    assertArrayEquals(new float[] {0, 3, 1, 4, 2, 5}, tensor.toFloatArray());
    assertFalse(tensor.isContiguous());
    assertThrows(IllegalArgumentException.class, () -> tensor.permute(0, 0));
    assertThrows(IllegalArgumentException.class, () -> tensor.permute(0));
  }

  @Test
  void slicesAndSelects() {
    Tensor tensor = counting(3, 4);
    assertArrayEquals(
        new float[] {5, 6, 9, 10}, tensor.slice(0, 1, 3).slice(1, 1, 3).toFloatArray());
    assertArrayEquals(new float[] {2, 6, 10}, tensor.select(1, 2).toFloatArray());
    assertEquals(0, tensor.slice(0, 3, 3).elements());
    assertThrows(IllegalArgumentException.class, () -> tensor.slice(0, 2, 4));
    assertThrows(IllegalArgumentException.class, () -> tensor.slice(2, 0, 1));
    assertThrows(IllegalArgumentException.class, () -> tensor.select(0, 3));
  }

  @Test
  void reshapesOnlyContiguous() {
    Tensor tensor = counting(2, 6);
    assertArrayEquals(new long[] {3, 4}, tensor.reshape(3, 4).shape());
    assertThrows(IllegalArgumentException.class, () -> tensor.reshape(5, 2));
    assertThrows(IllegalArgumentException.class, () -> tensor.permute(1, 0).reshape(12));
  }

  @Test
  void expandsRightAligned() {
    Tensor tensor = counting(3, 1).expand(2, 3, 2);
    assertArrayEquals(new long[] {0, 1, 0}, tensor.strides());
    assertArrayEquals(new float[] {0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2}, tensor.toFloatArray());
    assertThrows(IllegalArgumentException.class, () -> counting(3).expand(4));
    assertThrows(IllegalArgumentException.class, () -> counting(3, 3).expand(3));
  }

  @Test
  void readsBackwardsThroughNegativeStrides() {
    Tensor tensor =
        Tensor.of(counting(6).segment(), 5, DType.F32, new long[] {2, 3}, new long[] {-3, -1});
    assertArrayEquals(new float[] {5, 4, 3, 2, 1, 0}, tensor.toFloatArray());
    assertEquals(3, tensor.get(0, 2));
    tensor.set(9, 1, 2);
    assertEquals(9, tensor.get(1, 2));
  }

  @Test
  void packsBooleans() {
    Tensor tensor = Tensor.copyOf(arena, new boolean[] {true, false, true}, 3);
    assertEquals(DType.BOOL, tensor.dtype());
    assertArrayEquals(new float[] {1, 0, 1}, tensor.toFloatArray());
    tensor.set(2, 1);
    assertEquals(1, tensor.get(1));
  }

  @Test
  void holdsBytes() {
    byte[] data = {-128, -1, 0, 1, 100, 127};
    Tensor tensor = Tensor.copyOf(arena, data, 2, 3);
    assertEquals(DType.I8, tensor.dtype());
    assertEquals(1, DType.I8.bytes());
    assertArrayEquals(data, tensor.toByteArray());
    assertArrayEquals(new float[] {-128, -1, 0, 1, 100, 127}, tensor.toFloatArray());
    assertArrayEquals(new byte[] {-128, 1, -1, 100, 0, 127}, tensor.permute(1, 0).toByteArray());
    tensor.permute(1, 0).copyFrom(new byte[] {1, 2, 3, 4, 5, 6});
    assertArrayEquals(new byte[] {1, 3, 5, 2, 4, 6}, tensor.toByteArray());
    tensor.set(-7, 1, 1);
    assertEquals(-7, tensor.get(1, 1));
    tensor.copyFrom(new float[] {-128, 0, -0f, 1, 2, 127});
    assertArrayEquals(new byte[] {-128, 0, 0, 1, 2, 127}, tensor.toByteArray());
    for (float wrong : new float[] {0.5f, 128, -129, Float.NaN, Float.POSITIVE_INFINITY, 1e10f}) {
      assertRejected("value is " + wrong, () -> tensor.set(wrong, 0, 0));
    }
    assertRejected("6 elements", () -> tensor.copyFrom(new byte[5]));
    assertArrayEquals(new long[] {-128, 0, 0, 1, 2, 127}, tensor.toLongArray());
    tensor.setLong(-5, 1, 1);
    assertEquals(-5, tensor.getLong(1, 1));
    tensor.copyFrom(new long[] {1, -128, 127, 4, 5, 6});
    assertArrayEquals(new byte[] {1, -128, 127, 4, 5, 6}, tensor.toByteArray());
    assertMisfit("I8", () -> counting(2, 3).toByteArray());
    assertMisfit("I8", () -> counting(2, 3).copyFrom(data));
  }

  @Test
  void holdsLongs() {
    long[] data = {Long.MIN_VALUE, -1, 0, 1, (1L << 53) + 1, Long.MAX_VALUE};
    Tensor tensor = Tensor.copyOf(arena, data, 2, 3);
    assertEquals(DType.I64, tensor.dtype());
    assertEquals(8, DType.I64.bytes());
    assertArrayEquals(data, tensor.toLongArray());
    assertArrayEquals(new long[] {data[2], data[5]}, tensor.slice(1, 2, 3).toLongArray());
    tensor.permute(1, 0).copyFrom(new long[] {1, 2, 3, 4, 5, 6});
    assertArrayEquals(new long[] {1, 3, 5, 2, 4, 6}, tensor.toLongArray());
    tensor.setLong(-9, 1, 0);
    assertEquals(-9, tensor.getLong(1, 0));
    assertThrows(IndexOutOfBoundsException.class, () -> tensor.getLong(2, 0));
    assertRejected("misaligned", () -> Tensor.of(tensor.segment().asSlice(4), DType.I64, 1));
    // A float would lose what a position is.
    assertMisfit("long", tensor::toFloatArray);
    assertMisfit("long", () -> tensor.copyFrom(new float[6]));
    assertMisfit("long", () -> tensor.get(0, 0));
    assertMisfit("long", () -> tensor.set(1, 0, 0));
    assertMisfit("I64", () -> counting(2, 3).toLongArray());
    assertMisfit("I64", () -> counting(2, 3).setLong(1, 0, 0));
  }

  private static void assertMisfit(String part, Runnable action) {
    String message = assertThrows(UnsupportedOperationException.class, action::run).getMessage();
    assertTrue(message.contains(part), message);
  }

  @Test
  void copiesThroughStrides() {
    Tensor tensor = counting(2, 3);
    tensor.permute(1, 0).copyFrom(new float[] {10, 11, 12, 13, 14, 15});
    assertArrayEquals(new float[] {10, 12, 14, 11, 13, 15}, tensor.toFloatArray());
    assertThrows(IllegalArgumentException.class, () -> tensor.copyFrom(new float[5]));
    assertThrows(IndexOutOfBoundsException.class, () -> tensor.get(0, 3));
    assertThrows(IndexOutOfBoundsException.class, () -> tensor.get(0));
  }

  @Test
  void staysInsideItsSegment() {
    MemorySegment segment = arena.allocate(24, 64);
    Tensor.of(segment, DType.F32, 2, 3);
    assertRejected("6", () -> Tensor.of(segment, DType.F32, 7));
    assertRejected(
        "elements 0 to 6",
        () -> Tensor.of(segment, DType.F32, new long[] {2, 3}, new long[] {4, 1}));
    assertRejected("-1", () -> Tensor.of(segment, 1, DType.F32, new long[] {3}, new long[] {-1}));
    assertRejected("-2", () -> Tensor.of(segment, -2, DType.F32, new long[] {1}, new long[] {1}));
    long huge = Long.MAX_VALUE;
    assertRejected(
        "overflows", () -> Tensor.of(segment, DType.F32, new long[] {3}, new long[] {huge}));
    assertRejected(
        "overflows", () -> Tensor.of(segment, 4, DType.F32, new long[] {2}, new long[] {huge}));
    assertRejected("2^63", () -> Tensor.of(segment, DType.F32, 1L << 32, 1L << 32));
    assertRejected("2^63", () -> Tensor.allocate(arena, DType.F32, 1L << 32, 1L << 32));
    assertRejected("bytes", () -> Tensor.allocate(arena, DType.F32, 1L << 61));
  }

  @Test
  void rejectsWhatIsNoTensor() {
    MemorySegment segment = arena.allocate(64, 64);
    assertRejected("heap", () -> Tensor.of(MemorySegment.ofArray(new float[4]), DType.F32, 4));
    assertRejected("misaligned", () -> Tensor.of(segment.asSlice(2), DType.F32, 4));
    assertRejected("-1", () -> Tensor.of(segment, DType.F32, 2, -1));
    assertRejected("rank 0", () -> Tensor.of(segment, DType.F32));
    assertRejected("rank 9", () -> Tensor.of(segment, DType.F32, 1, 1, 1, 1, 1, 1, 1, 1, 1));
    assertRejected("rank", () -> Tensor.of(segment, DType.F32, new long[] {2}, new long[] {1, 1}));
    assertThrows(NullPointerException.class, () -> Tensor.of(null, DType.F32, 4));
    Arena closed = Arena.ofConfined();
    MemorySegment gone = closed.allocate(64, 64);
    closed.close();
    assertThrows(IllegalStateException.class, () -> Tensor.of(gone, DType.F32, 4));
  }

  /** Every 16-bit pattern is read as what it stands for, and written back as itself. */
  @Test
  void holdsEverySixteenBitValue() {
    for (DType dtype : new DType[] {DType.F16, DType.BF16}) {
      Tensor all = Tensor.allocate(arena, dtype, 1 << 16);
      for (int bits = 0; bits < 1 << 16; bits++) {
        all.segment().setAtIndex(ValueLayout.JAVA_SHORT, bits, (short) bits);
      }
      float[] values = all.toFloatArray();
      Tensor copy = Tensor.copyOf(arena, dtype, values, 1 << 16);
      for (int bits = 0; bits < 1 << 16; bits++) {
        short back = copy.segment().getAtIndex(ValueLayout.JAVA_SHORT, bits);
        if (Float.isNaN(values[bits])) {
          assertTrue(Float.isNaN(copy.get(bits)), "NaN 0x" + Integer.toHexString(bits));
        } else {
          assertEquals((short) bits, back, dtype + " 0x" + Integer.toHexString(bits));
          assertEquals(Values.round(values[bits], dtype), values[bits], "is a value of the type");
        }
      }
    }
  }

  @Test
  void roundsToNearestEven() {
    float[] values = {
      1 + 0x1p-11f,
      1 + 0x3p-11f,
      1 + 0x1p-8f,
      1 + 0x3p-8f,
      65519.99f,
      65520,
      0x1p-25f,
      0x3p-25f,
      -0x1.01p-24f,
      0x1.FFp127f,
      0x1.FEFFFEp127f,
      -0f,
      1e-40f
    };
    for (DType dtype : new DType[] {DType.F16, DType.BF16}) {
      Tensor tensor = Tensor.copyOf(arena, dtype, values, values.length);
      for (int i = 0; i < values.length; i++) {
        assertEquals(
            (float) Values.round(values[i], dtype), tensor.get(i), dtype + " " + values[i]);
        tensor.set(values[i], 0);
        assertEquals((float) Values.round(values[i], dtype), tensor.get(0), dtype + " by set");
      }
    }
    Random random = new Random(1);
    Tensor one = Tensor.allocate(arena, DType.BF16, 1);
    Tensor half = Tensor.allocate(arena, DType.F16, 1);
    for (int i = 0; i < 200_000; i++) {
      float value = Float.intBitsToFloat(random.nextInt());
      if (Float.isFinite(value)) {
        one.set(value, 0);
        half.set(value, 0);
        assertEquals((float) Values.round(value, DType.BF16), one.get(0), "bf16 of " + value);
        assertEquals((float) Values.round(value, DType.F16), half.get(0), "f16 of " + value);
      }
    }
  }

  /** The reference computes in double and rounds once: by way of an f32 these would be ties. */
  @Test
  void roundsADoubleOnce() {
    for (DType dtype : new DType[] {DType.F16, DType.BF16}) {
      int fraction = dtype == DType.F16 ? 10 : 7;
      double tie = 1 + Math.scalb(1.0, -fraction - 1);
      MemorySegment segment = arena.allocate(2, 2);
      for (double nudge : new double[] {0, 0x1p-40, -0x1p-40, 0x1p-30, -0x1p-30}) {
        for (double sign : new double[] {1, -1}) {
          Elements.write(segment, dtype, 0, sign * (tie + nudge));
          assertEquals(
              Values.round(sign * (tie + nudge), dtype),
              Elements.read(segment, dtype, 0),
              dtype + " " + sign * (tie + nudge));
        }
      }
    }
  }

  @Test
  void allowsEmptyTensorsAnywhere() {
    Tensor tensor = Tensor.of(MemorySegment.NULL, DType.F32, 2, 0, 3);
    assertEquals(0, tensor.elements());
    assertEquals(0, tensor.address());
    assertArrayEquals(new float[0], tensor.toFloatArray());
    // The end of what is stored last to first lies in front of the memory.
    MemorySegment segment = arena.allocate(24, 64);
    Tensor reversed = Tensor.of(segment, 4, DType.F32, new long[] {3, 2}, new long[] {-2, 1});
    assertEquals(0, reversed.slice(0, 3, 3).elements());
    assertEquals(0, reversed.slice(0, 1, 1).slice(1, 1, 2).select(1, 0).elements());
    assertEquals(0, reversed.slice(1, 0, 0).slice(0, 2, 3).select(0, 0).elements());
  }

  /** Sizes whose product no long holds, were it not for a size of 0 among them. */
  @Test
  void allowsEmptyTensorsOfAnySizes() {
    for (long[] shape : new long[][] {{0, 1L << 62, 4}, {1L << 62, 4, 0}, {1L << 62, 0, 8}}) {
      Tensor tensor = Tensor.allocate(arena, DType.I64, shape);
      assertEquals(0, tensor.elements());
      assertTrue(tensor.isContiguous());
      assertArrayEquals(shape, tensor.shape());
      assertArrayEquals(new long[0], tensor.toLongArray());
      assertEquals(0, Tensor.copyOf(arena, new float[0], shape).toFloatArray().length);
      assertArrayEquals(shape, tensor.contiguousCopy(arena).shape());
      assertEquals(0, tensor.permute(2, 0, 1).elements());
      tensor.reshape(shape[2], shape[0], shape[1]).fillLong(1);
      tensor.copyFrom(Tensor.of(MemorySegment.NULL, DType.F32, shape));
    }
    assertRejected(
        "(4611686018427387904, 4) has more than 2^63 - 1 elements",
        () -> Tensor.of(MemorySegment.NULL, DType.BOOL, 1L << 62, 4));
  }

  private static void assertRejected(String part, Runnable action) {
    IllegalArgumentException rejected = assertThrows(IllegalArgumentException.class, action::run);
    assertTrue(rejected.getMessage().contains(part), rejected.getMessage());
  }
}
