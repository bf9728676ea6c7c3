// SPDX-License-Identifier: Apache-2.0
package dev.rapt.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.tensor.StridePattern.Placement;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Java arrays and single numbers, into tensors of any strides and out of them. */
class TensorArraysTest {
  private static final long[] SHAPE = {2, 3, 5};
  private static final int COUNT = 30;
  private static final byte UNTOUCHED = 0x55;

  private final Arena arena = Arena.ofConfined();
  private final Random random = new Random(1);

  @AfterEach
  void close() {
    arena.close();
  }

  /** A tensor in memory of its own, every byte of which is set. */
  private record Target(Placement place, MemorySegment memory, DType dtype) {
    static Target of(Arena arena, StridePattern pattern, DType dtype) {
      Placement place = pattern.place(SHAPE);
      return new Target(place, place.allocate(arena, dtype).fill(UNTOUCHED), dtype);
    }

    Tensor tensor() {
      return place.tensor(memory, dtype);
    }

    /** That these bits, and nothing else, are in the memory. */
    void holds(long[] bits) {
      MemorySegment expected = Arena.ofAuto().allocate(memory.byteSize(), 8).fill(UNTOUCHED);
      long[] elements = place.elements();
      for (int i = 0; i < COUNT; i++) {
        Stored.setBits(expected, dtype, elements[i], bits[i]);
      }
      assertEquals(-1, expected.mismatch(memory), dtype + " " + place);
    }
  }

  private long[] drawn() {
    return random.longs(COUNT).toArray();
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_NONE, names = "BROADCAST.*")
  void arraysGoInAndComeOut(StridePattern pattern) {
    long[] longs = drawn();
    int[] ints = new int[COUNT];
    short[] shorts = new short[COUNT];
    byte[] bytes = new byte[COUNT];
    float[] floats = new float[COUNT];
    boolean[] booleans = new boolean[COUNT];
    long[] fromInts = new long[COUNT];
    long[] fromShorts = new long[COUNT];
    long[] fromBytes = new long[COUNT];
    long[] fromFloats = new long[COUNT];
    long[] fromBooleans = new long[COUNT];
    for (int i = 0; i < COUNT; i++) {
      fromInts[i] = ints[i] = (int) longs[i];
      fromShorts[i] = shorts[i] = (short) longs[i];
      fromBytes[i] = bytes[i] = (byte) longs[i];
      floats[i] = (float) random.nextGaussian();
      fromFloats[i] = Float.floatToRawIntBits(floats[i]);
      booleans[i] = longs[i] < 0;
      fromBooleans[i] = booleans[i] ? 1 : 0;
    }

    Target i64 = Target.of(arena, pattern, DType.I64);
    i64.tensor().copyFrom(longs);
    i64.holds(longs);
    assertArrayEquals(longs, i64.tensor().toLongArray());

    Target i32 = Target.of(arena, pattern, DType.I32);
    i32.tensor().copyFrom(ints);
    i32.holds(fromInts);
    assertArrayEquals(ints, i32.tensor().toIntArray());
    assertArrayEquals(fromInts, i32.tensor().toLongArray());
    Target i32FromLongs = Target.of(arena, pattern, DType.I32);
    i32FromLongs.tensor().copyFrom(fromInts);
    i32FromLongs.holds(fromInts);

    for (DType dtype : new DType[] {DType.F16, DType.BF16}) {
      Target raw = Target.of(arena, pattern, dtype);
      raw.tensor().copyFrom(shorts);
      raw.holds(fromShorts);
      assertArrayEquals(shorts, raw.tensor().toShortArray(), "NaN bits too");
      float[] values = raw.tensor().toFloatArray();
      for (int i = 0; i < COUNT; i++) {
        assertEquals(Stored.number(dtype, shorts[i]).floatValue(), values[i]);
      }
    }

    Target i8 = Target.of(arena, pattern, DType.I8);
    i8.tensor().copyFrom(bytes);
    i8.holds(fromBytes);
    assertArrayEquals(bytes, i8.tensor().toByteArray());
    Target i8FromFloats = Target.of(arena, pattern, DType.I8);
    i8FromFloats.tensor().copyFrom(i8.tensor().toFloatArray());
    i8FromFloats.holds(fromBytes);

    Target f32 = Target.of(arena, pattern, DType.F32);
    f32.tensor().copyFrom(floats);
    f32.holds(fromFloats);
    assertArrayEquals(floats, f32.tensor().toFloatArray());

    Target bool = Target.of(arena, pattern, DType.BOOL);
    bool.tensor().copyFrom(booleans);
    bool.holds(fromBooleans);
    assertArrayEquals(booleans, bool.tensor().toBooleanArray());
  }

  @Test
  void arraysBecomeTensors() {
    assertArrayEquals(
        new float[] {1, 2}, Tensor.copyOf(arena, new float[] {1, 2}, 2, 1).toFloatArray());
    assertArrayEquals(
        new float[] {1, 0.5f},
        Tensor.copyOf(arena, DType.BF16, new float[] {1, 0.5f}, 2).toFloatArray());
    assertArrayEquals(
        new short[] {0x3C00, (short) 0xFC01},
        Tensor.copyOf(arena, DType.F16, new short[] {0x3C00, (short) 0xFC01}, 2).toShortArray());
    assertEquals(1, Tensor.copyOf(arena, DType.F16, new short[] {0x3C00}, 1).get(0));
    assertEquals(1, Tensor.copyOf(arena, DType.BF16, new short[] {0x3F80}, 1).get(0));
    assertArrayEquals(
        new byte[] {-128, 127}, Tensor.copyOf(arena, new byte[] {-128, 127}, 1, 2).toByteArray());
    Tensor ints = Tensor.copyOf(arena, new int[] {Integer.MIN_VALUE, 7}, 2);
    assertEquals(DType.I32, ints.dtype());
    assertArrayEquals(new int[] {Integer.MIN_VALUE, 7}, ints.toIntArray());
    assertArrayEquals(
        new long[] {Long.MIN_VALUE},
        Tensor.copyOf(arena, new long[] {Long.MIN_VALUE}, 1).toLongArray());
    boolean[] booleans = {true, false, true};
    assertArrayEquals(booleans, Tensor.copyOf(arena, booleans, 3).toBooleanArray());
  }

  /** Whoever wrote it, a byte that is not 0 is true. */
  @Test
  void booleansReadBackAsBooleans() {
    MemorySegment memory = arena.allocate(4, 1);
    memory.copyFrom(MemorySegment.ofArray(new byte[] {0, 1, 2, -1}));
    Tensor tensor = Tensor.of(memory, DType.BOOL, 4);
    assertArrayEquals(new boolean[] {false, true, true, true}, tensor.toBooleanArray());
    assertArrayEquals(new float[] {0, 1, 1, 1}, tensor.toFloatArray());
    assertFalse(tensor.getBoolean(0));
    assertTrue(tensor.getBoolean(1) && tensor.getBoolean(2) && tensor.getBoolean(3));
    assertEquals(1, tensor.get(3));
    tensor.setBoolean(false, 1);
    tensor.setBoolean(true, 0);
    assertArrayEquals(new boolean[] {true, false, true, true}, tensor.toBooleanArray());
    assertEquals(1, memory.get(ValueLayout.JAVA_BYTE, 0));
  }

  @ParameterizedTest
  @EnumSource
  void singleElements(StridePattern pattern) {
    Target f32 = Target.of(arena, pattern, DType.F32);
    Target i32 = Target.of(arena, pattern, DType.I32);
    Target i64 = Target.of(arena, pattern, DType.I64);
    Target bool = Target.of(arena, pattern, DType.BOOL);
    int number = 0;
    for (long a = 0; a < 2; a++) {
      for (long b = 0; b < 3; b++) {
        for (long c = 0; c < 5; c++, number++) {
          long element = f32.place().elements()[number];
          f32.tensor().set(number + 0.5f, a, b, c);
          assertEquals(number + 0.5f, f32.tensor().get(a, b, c));
          assertEquals(number + 0.5f, f32.memory().getAtIndex(ValueLayout.JAVA_FLOAT, element));
          i32.tensor().setLong(-number, a, b, c);
          assertEquals(-number, i32.tensor().getLong(a, b, c));
          assertEquals(-number, i32.memory().getAtIndex(ValueLayout.JAVA_INT, element));
          i64.tensor().setLong(Long.MAX_VALUE - number, a, b, c);
          assertEquals(Long.MAX_VALUE - number, i64.tensor().getLong(a, b, c));
          assertEquals(
              Long.MAX_VALUE - number, i64.memory().getAtIndex(ValueLayout.JAVA_LONG, element));
          bool.tensor().setBoolean(number % 3 == 0, a, b, c);
          assertEquals(number % 3 == 0, bool.tensor().getBoolean(a, b, c));
          assertEquals(number % 3 == 0 ? 1 : 0, bool.memory().get(ValueLayout.JAVA_BYTE, element));
        }
      }
    }
  }

  /** Broadcast ones too, where one value is all that every element can have. */
  @ParameterizedTest
  @EnumSource
  void fillsNothingButTheElements(StridePattern pattern) {
    for (DType dtype : DType.values()) {
      Target target = Target.of(arena, pattern, dtype);
      long[] bits = new long[COUNT];
      if (dtype.isInteger()) {
        target.tensor().fillLong(-100);
        Arrays.fill(bits, -100);
      } else {
        target.tensor().fill(-100);
        Arrays.fill(bits, dtype == DType.BOOL ? 1 : Stored.bits(dtype, -100.0));
      }
      target.holds(bits);
    }
    Target bytes = Target.of(arena, pattern, DType.I8);
    bytes.tensor().fill(-3);
    assertEquals(-3, bytes.tensor().get(1, 2, 4));
  }

  @Test
  void emptyOnesGoThrough() {
    for (DType dtype : DType.values()) {
      Tensor none = Tensor.allocate(arena, dtype, 2, 0, 3);
      none.copyFrom(Tensor.allocate(arena, DType.F32, 2, 0, 3));
      assertEquals(0, none.toType(arena, DType.I8).toByteArray().length);
      assertArrayEquals(new long[] {2, 0, 3}, none.contiguousCopy(arena).shape());
      assertTrue(none.permute(2, 1, 0).isContiguous());
      assertEquals(0, none.reshape(0).elements());
    }
    Tensor floats = Tensor.copyOf(arena, new float[0], 0);
    floats.fill(1);
    floats.copyFrom(new float[0]);
    Tensor longs = Tensor.copyOf(arena, new long[0], 0, 7);
    longs.fillLong(1);
    longs.copyFrom(new long[0]);
    assertEquals(0, Tensor.copyOf(arena, new int[0], 0).toIntArray().length);
    assertEquals(0, Tensor.copyOf(arena, new boolean[0], 0).toBooleanArray().length);
    assertEquals(0, Tensor.copyOf(arena, DType.F16, new short[0], 0).toShortArray().length);
  }
}
