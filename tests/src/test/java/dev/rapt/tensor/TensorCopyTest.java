// SPDX-License-Identifier: Apache-2.0
package dev.rapt.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.tensor.StridePattern.Placement;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Copies between tensors, of any types and strides, against one element after the other. */
class TensorCopyTest {
  /** Longer than what a conversion takes at once. */
  private static final long LONG_ROW = 1100;

  static Stream<Arguments> types() {
    return Stream.of(DType.values())
        .flatMap(from -> Stream.of(DType.values()).map(to -> Arguments.of(from, to)));
  }

  @ParameterizedTest(name = "{0} to {1}")
  @MethodSource("types")
  void copiesWhateverTheStrides(DType from, DType to) {
    Random random = new Random((from + " to " + to).hashCode());
    for (StridePattern fromPattern : StridePattern.values()) {
      for (StridePattern toPattern : StridePattern.values()) {
        if (toPattern.isInjective()) {
          copies(random, from, fromPattern.place(shape(random)), to, toPattern);
        }
      }
    }
    copies(random, from, pattern(random, false).place(3, LONG_ROW), to, pattern(random, true));
    copies(random, from, StridePattern.CONTIGUOUS.place(LONG_ROW), to, StridePattern.CONTIGUOUS);
  }

  private static long[] shape(Random random) {
    long[] shape = new long[1 + random.nextInt(4)];
    Arrays.setAll(shape, dim -> 1 + random.nextInt(5));
    return shape;
  }

  private static void copies(
      Random random, DType from, Placement fromPlace, DType to, StridePattern toPattern) {
    Placement toPlace = toPattern.place(fromPlace.shape());
    String what = from + " " + fromPlace + " to " + to + " " + toPlace;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment source = drawn(arena, random, fromPlace, from, to);
      MemorySegment target = toPlace.allocate(arena, to);
      for (long i = 0; i < target.byteSize(); i++) {
        target.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
      }
      MemorySegment expected = arena.allocate(target.byteSize(), 8).copyFrom(target);
      Tensor view = fromPlace.tensor(source.asReadOnly(), from);
      toPlace.tensor(target, to).copyFrom(view);
      expect(source, from, fromPlace, expected, to, toPlace, target);
      assertEquals(-1, expected.mismatch(target), what);

      Tensor converted = view.toType(arena, to);
      assertArrayEquals(fromPlace.shape(), converted.shape(), what);
      assertTrue(converted.isContiguous(), what);
      assertEquals(0, converted.address() % 64, what);
      Placement dense = new Placement(fromPlace.shape(), converted.strides(), 0, 0);
      MemorySegment expectedCopy = arena.allocate(converted.segment().byteSize(), 8);
      expect(source, from, fromPlace, expectedCopy, to, dense, converted.segment());
      assertEquals(-1, expectedCopy.mismatch(converted.segment()), what + ", toType");
      if (from == to) {
        Tensor copy = view.contiguousCopy(arena);
        assertEquals(-1, expectedCopy.mismatch(copy.segment()), what + ", contiguousCopy");
        assertTrue(copy.isContiguous(), what);
      }
    }
  }

  /** Writes what a copy leaves; any NaN is as good as another once its type has changed. */
  private static void expect(
      MemorySegment source,
      DType from,
      Placement fromPlace,
      MemorySegment expected,
      DType to,
      Placement toPlace,
      MemorySegment actual) {
    long[] fromElements = fromPlace.elements();
    long[] toElements = toPlace.elements();
    for (int i = 0; i < fromElements.length; i++) {
      long bits = Stored.bits(source, from, fromElements[i]);
      if (from != to) {
        Number number = Stored.converted(Stored.number(from, bits), to);
        long given = Stored.bits(actual, to, toElements[i]);
        boolean bothNan = isNan(number) && isNan(Stored.number(to, given));
        bits = bothNan ? given : Stored.bits(to, number);
      }
      Stored.setBits(expected, to, toElements[i], bits);
    }
  }

  private static boolean isNan(Number number) {
    return number instanceof Double value && value.isNaN();
  }

  /** Memory full of numbers that fit the other type. */
  private static MemorySegment drawn(
      Arena arena, Random random, Placement place, DType from, DType to) {
    MemorySegment memory = place.allocate(arena, from);
    for (long i = 0; i < place.capacity(); i++) {
      long bits;
      do {
        bits = draw(random, from, to);
      } while (Stored.converted(Stored.number(from, bits), to) == null);
      Stored.setBits(memory, from, i, bits);
    }
    return memory;
  }

  private static long draw(Random random, DType from, DType to) {
    long whole = random.nextLong() >> random.nextInt(64);
    if (from.isFloating() && to.isInteger()) {
      Number number = random.nextInt(16) == 0 ? -0.0 : Stored.converted(whole, from);
      return Stored.bits(from, number);
    }
    boolean any = from.isFloating() || random.nextBoolean();
    return switch (from) {
      case BOOL -> random.nextInt(4) == 0 ? random.nextInt(256) : random.nextInt(2);
      case I8 -> (byte) whole;
      case I32 -> (int) whole;
      case F32 -> random.nextInt();
      case F16, BF16 -> (short) random.nextInt();
      case I64 -> any ? whole : random.nextInt(256) - 128;
    };
  }

  /** One value that does not fit, anywhere, and nothing is written. */
  @ParameterizedTest(name = "{0} to {1}")
  @MethodSource("types")
  void namesWhatDoesNotFit(DType from, DType to) {
    List<Number> misfits = new ArrayList<>();
    for (Number number :
        new Number[] {
          0.5,
          -1e-30,
          128.0,
          -129.0,
          0x1p31,
          -0x1p31 - 256,
          0x1p63,
          -0x1.1p63,
          Double.NaN,
          Double.POSITIVE_INFINITY,
          Double.NEGATIVE_INFINITY,
          128L,
          -129L,
          1L << 31,
          (-1L << 31) - 1,
          Long.MAX_VALUE,
          Long.MIN_VALUE
        }) {
      if (number instanceof Double == from.isFloating() && from != DType.BOOL) {
        Number held = Stored.converted(number, from);
        if (held != null && Stored.converted(held, to) == null) {
          misfits.add(held);
        }
      }
    }
    assertEquals(mayMisfit(from, to), !misfits.isEmpty());
    Random random = new Random(5);
    for (Number misfit : misfits) {
      try (Arena arena = Arena.ofConfined()) {
        Placement place = StridePattern.MIXED.place(2, 3, LONG_ROW);
        MemorySegment memory = place.allocate(arena, from);
        int wrong = random.nextInt(6 * (int) LONG_ROW);
        Stored.setBits(memory, from, place.elements()[wrong], Stored.bits(from, misfit));
        Tensor source = place.tensor(memory, from);
        Tensor target = Tensor.allocate(arena, to, place.shape());
        target.segment().fill((byte) 7);
        String message =
            assertThrows(IllegalArgumentException.class, () -> target.copyFrom(source))
                .getMessage();
        String value =
            misfit instanceof Double number
                ? Float.toString(number.floatValue())
                : misfit.toString();
        String index =
            String.format(
                Locale.ROOT,
                "(%d, %d, %d)",
                wrong / (3 * LONG_ROW),
                wrong / LONG_ROW % 3,
                wrong % LONG_ROW);
        assertTrue(message.startsWith("source is " + value + " at index " + index), message);
        assertTrue(message.contains(to + " tensor: integers from -"), message);
        MemorySegment untouched = arena.allocate(target.segment().byteSize()).fill((byte) 7);
        assertEquals(-1, untouched.mismatch(target.segment()), message);
        assertThrows(IllegalArgumentException.class, () -> source.toType(arena, to));
      }
    }
  }

  private static boolean mayMisfit(DType from, DType to) {
    return to.isInteger() && (from.isFloating() || from.isInteger() && from.bytes() > to.bytes());
  }

  /** Two views of one memory: the source counts as it was before the copy. */
  @Test
  void overlapsAsIfCopiedFirst() {
    Random random = new Random(6);
    for (DType dtype : DType.values()) {
      for (int round = 0; round < 60; round++) {
        Placement from = pattern(random, false).place(4, 4);
        Placement to = pattern(random, true).place(4, 4);
        overlaps(random, dtype, from, dtype, to, random.nextInt(8));
      }
    }
    for (int round = 0; round < 60; round++) {
      Placement from = pattern(random, false).place(4, 4);
      Placement to = pattern(random, true).place(4, 4);
      overlaps(random, DType.BF16, from, DType.F32, to, 2 * random.nextInt(4));
      overlaps(random, DType.F32, from, DType.F16, to, 4 * random.nextInt(4));
      overlaps(random, DType.BOOL, from, DType.I64, to, 8 * random.nextInt(2));
    }
  }

  private static StridePattern pattern(Random random, boolean injective) {
    StridePattern[] all = StridePattern.values();
    StridePattern pattern = all[random.nextInt(all.length)];
    return !injective || pattern.isInjective() ? pattern : StridePattern.TRANSPOSED;
  }

  private static void overlaps(
      Random random, DType from, Placement fromPlace, DType to, Placement toPlace, int shift) {
    try (Arena arena = Arena.ofConfined()) {
      long bytes = 8 * (fromPlace.capacity() + toPlace.capacity()) + 64;
      MemorySegment memory = arena.allocate(bytes, 8);
      for (long i = 0; i < bytes; i++) {
        memory.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
      }
      MemorySegment expected = arena.allocate(bytes, 8).copyFrom(memory);
      MemorySegment before = arena.allocate(bytes, 8).copyFrom(memory);
      long skip = (long) shift * to.bytes();
      toPlace.tensor(memory.asSlice(skip), to).copyFrom(fromPlace.tensor(memory, from));
      expect(before, from, fromPlace, expected.asSlice(skip), to, toPlace, memory.asSlice(skip));
      assertEquals(-1, expected.mismatch(memory), from + " " + fromPlace + " to " + to + toPlace);
    }
  }

  @Test
  void transposesASquareInPlace() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor square = Tensor.copyOf(arena, new int[] {1, 2, 3, 4, 5, 6, 7, 8, 9}, 3, 3);
      square.copyFrom(square.permute(1, 0));
      assertArrayEquals(new int[] {1, 4, 7, 2, 5, 8, 3, 6, 9}, square.toIntArray());
      square.copyFrom(square);
      assertArrayEquals(new int[] {1, 4, 7, 2, 5, 8, 3, 6, 9}, square.toIntArray());
    }
  }
}
