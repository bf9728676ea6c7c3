// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;

/**
 * A tensor that lies in a buffer of poison: NaN for numbers that have it, true for booleans,
 * far-off integers. A read beside the tensor shows up in the result; a write beside it, or into an
 * input, fails a check.
 */
public final class Placed {
  private static final int POISON = 0x7FC0BEEF;
  private static final short POISON_F16 = 0x7E5F;
  private static final short POISON_BF16 = 0x7FDB;
  private static final byte POISON_BOOL = 3;
  private static final byte POISON_I8 = -111;
  private static final long POISON_I64 = 0x7ABADCAFE0DDBA11L;

  private final MemorySegment buffer;
  private final Tensor tensor;
  private final int[] shape;
  private byte[] before;

  private Placed(MemorySegment buffer, Tensor tensor, int[] shape) {
    this.buffer = buffer;
    this.tensor = tensor;
    this.shape = shape;
    remember();
  }

  /** An f32 input with these row-major values. */
  public static Placed input(Arena arena, Layout layout, float[] dense, int... shape) {
    return input(arena, DType.F32, layout, dense, shape);
  }

  /** An input of any type with these row-major values, which the type can hold. */
  public static Placed input(Arena arena, DType dtype, Layout layout, float[] dense, int... shape) {
    long[] strides = layout.strides(shape);
    long offset = offset(layout, shape, strides);
    MemorySegment buffer = poisoned(arena, dtype, elements(layout, shape, strides));
    return input(buffer, dtype, offset, strides, dense, shape);
  }

  /** The same at a given place of a buffer that may hold other tensors too. */
  static Placed input(
      MemorySegment buffer, DType dtype, long offset, long[] strides, float[] dense, int... shape) {
    for (int i = 0; i < dense.length; i++) {
      write(buffer, dtype, offset + index(i, shape, strides), dense[i]);
    }
    return new Placed(
        buffer, Tensor.of(buffer, offset, dtype, longs(shape), strides), shape.clone());
  }

  /** A boolean input; any non-zero byte is true, so several are used. */
  public static Placed mask(Arena arena, Layout layout, float[] dense, int... shape) {
    long[] strides = layout.strides(shape);
    long offset = offset(layout, shape, strides);
    MemorySegment buffer = arena.allocate(elements(layout, shape, strides), 64).fill(POISON_BOOL);
    for (int i = 0; i < dense.length; i++) {
      byte truth = (byte) (i % 7 == 0 ? 0x80 : 1);
      buffer.set(
          ValueLayout.JAVA_BYTE,
          offset + index(i, shape, strides),
          dense[i] != 0 ? truth : (byte) 0);
    }
    return new Placed(
        buffer, Tensor.of(buffer, offset, DType.BOOL, longs(shape), strides), shape.clone());
  }

  /** An f32 output, poisoned too: an element that is not written stays NaN. */
  public static Placed output(Arena arena, Layout layout, int... shape) {
    return output(arena, DType.F32, layout, shape);
  }

  /** An output of any type. */
  public static Placed output(Arena arena, DType dtype, Layout layout, int... shape) {
    long[] strides = layout.strides(shape);
    MemorySegment buffer = poisoned(arena, dtype, elements(layout, shape, strides));
    return new Placed(
        buffer,
        Tensor.of(buffer, offset(layout, shape, strides), dtype, longs(shape), strides),
        shape.clone());
  }

  public Tensor tensor() {
    return tensor;
  }

  /** The tensor's values, row-major. */
  public float[] values() {
    long[] strides = tensor.strides();
    float[] dense = new float[Math.toIntExact(count(shape))];
    for (int i = 0; i < dense.length; i++) {
      dense[i] = read(buffer, tensor.dtype(), tensor.offset() + index(i, shape, strides));
    }
    return dense;
  }

  /** Takes what the buffer holds now for what it must hold later. */
  final void remember() {
    before = buffer.toArray(ValueLayout.JAVA_BYTE);
  }

  /** Puts the buffer back to what it was made with. */
  public void reset() {
    MemorySegment.copy(before, 0, buffer, ValueLayout.JAVA_BYTE, 0, before.length);
  }

  /** Fails if the buffer of an input was written to. */
  public void checkUnchanged(String what) {
    assertArrayEquals(before, buffer.toArray(ValueLayout.JAVA_BYTE), what + " was written to");
  }

  /** Fails if something beside an output was written to. */
  public void checkSurroundings(String what) {
    BitSet own = new BitSet();
    long[] strides = tensor.strides();
    for (int i = 0; i < count(shape); i++) {
      own.set((int) (tensor.offset() + index(i, shape, strides)));
    }
    MemorySegment clean = MemorySegment.ofArray(before);
    int size = tensor.dtype().bytes();
    int total = (int) (buffer.byteSize() / size);
    for (int i = own.nextClearBit(0); i < total; i = own.nextClearBit(i + 1)) {
      long at = (long) i * size;
      assertEquals(
          -1,
          MemorySegment.mismatch(clean, at, at + size, buffer, at, at + size),
          what + ": written beside the tensor, at element " + i + " of its buffer");
    }
  }

  static MemorySegment poisoned(Arena arena, DType dtype, long elements) {
    MemorySegment buffer = arena.allocate(elements * dtype.bytes(), 64);
    for (long i = 0; i < elements; i++) {
      switch (dtype) {
        case F32 -> buffer.setAtIndex(ValueLayout.JAVA_INT, i, POISON);
        case F16 -> buffer.setAtIndex(ValueLayout.JAVA_SHORT, i, POISON_F16);
        case BF16 -> buffer.setAtIndex(ValueLayout.JAVA_SHORT, i, POISON_BF16);
        case BOOL -> buffer.set(ValueLayout.JAVA_BYTE, i, POISON_BOOL);
        case I8 -> buffer.set(ValueLayout.JAVA_BYTE, i, POISON_I8);
        case I32 -> buffer.setAtIndex(ValueLayout.JAVA_INT, i, POISON);
        case I64 -> buffer.setAtIndex(ValueLayout.JAVA_LONG, i, POISON_I64);
      }
    }
    return buffer;
  }

  /** Writes a value that the type can hold. */
  private static void write(MemorySegment buffer, DType dtype, long index, float value) {
    int bits = Float.floatToRawIntBits(value);
    switch (dtype) {
      case F32 -> buffer.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
      case F16 -> buffer.setAtIndex(ValueLayout.JAVA_SHORT, index, Float.floatToFloat16(value));
      case BF16 -> buffer.setAtIndex(ValueLayout.JAVA_SHORT, index, (short) (bits >>> 16));
      case I8 -> buffer.set(ValueLayout.JAVA_BYTE, index, (byte) value);
      case I32 -> buffer.setAtIndex(ValueLayout.JAVA_INT, index, (int) value);
      case I64 -> buffer.setAtIndex(ValueLayout.JAVA_LONG, index, (long) value);
      case BOOL -> throw new IllegalArgumentException("masks have values of their own");
    }
  }

  private static float read(MemorySegment buffer, DType dtype, long index) {
    return switch (dtype) {
      case F32 -> buffer.getAtIndex(ValueLayout.JAVA_FLOAT, index);
      case F16 -> Float.float16ToFloat(buffer.getAtIndex(ValueLayout.JAVA_SHORT, index));
      case BF16 -> Float.intBitsToFloat(buffer.getAtIndex(ValueLayout.JAVA_SHORT, index) << 16);
      case BOOL, I8, I32, I64 ->
          throw new IllegalArgumentException("no output has the type " + dtype);
    };
  }

  /**
   * Poison before the tensor: one cache line, or one element so that the base is barely aligned.
   */
  private static int lead(Layout layout) {
    return layout == Layout.PADDED ? 1 : 16;
  }

  private static long elements(Layout layout, int[] shape, long[] strides) {
    long last = 0;
    for (int i = 0; i < shape.length; i++) {
      last += Math.max(0, shape[i] - 1) * Math.abs(strides[i]);
    }
    int tail = layout == Layout.PADDED ? 5 : 1;
    return lead(layout) + last + 1 + tail;
  }

  private static long offset(Layout layout, int[] shape, long[] strides) {
    long offset = lead(layout);
    for (int i = 0; i < shape.length; i++) {
      offset += strides[i] < 0 ? Math.max(0, shape[i] - 1) * -strides[i] : 0;
    }
    return offset;
  }

  private static long index(int dense, int[] shape, long[] strides) {
    long index = 0;
    int rest = dense;
    for (int i = shape.length - 1; i >= 0; i--) {
      index += rest % shape[i] * strides[i];
      rest /= shape[i];
    }
    return index;
  }

  private static long count(int[] shape) {
    long count = 1;
    for (int size : shape) {
      count *= size;
    }
    return count;
  }

  private static long[] longs(int[] shape) {
    long[] result = new long[shape.length];
    for (int i = 0; i < shape.length; i++) {
      result[i] = shape[i];
    }
    return result;
  }
}
