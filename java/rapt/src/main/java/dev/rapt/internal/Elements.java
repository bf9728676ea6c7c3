// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal;

import dev.rapt.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Single elements of off-heap memory as f32 numbers, whatever type they are stored in; I64 ones,
 * which an f32 does not hold, as long.
 */
public final class Elements {
  private Elements() {}

  /** Element {@code index}; a BOOL one is 1 or 0. */
  public static float read(MemorySegment segment, DType dtype, long index) {
    return switch (dtype) {
      case F32 -> segment.get(ValueLayout.JAVA_FLOAT, 4 * index);
      case F16 -> Float.float16ToFloat(segment.get(ValueLayout.JAVA_SHORT, 2 * index));
      case BF16 -> fromBf16(segment.get(ValueLayout.JAVA_SHORT, 2 * index));
      case BOOL -> segment.get(ValueLayout.JAVA_BYTE, index) != 0 ? 1 : 0;
      case I8 -> segment.get(ValueLayout.JAVA_BYTE, index);
      case I64 -> throw new IllegalArgumentException("I64 elements are no f32 numbers");
    };
  }

  /**
   * Writes element {@code index}, rounded to nearest even; non-zero is true in BOOL memory, and I8
   * memory takes its own integers only.
   */
  public static void write(MemorySegment segment, DType dtype, long index, float value) {
    switch (dtype) {
      case F32 -> segment.set(ValueLayout.JAVA_FLOAT, 4 * index, value);
      case F16 -> segment.set(ValueLayout.JAVA_SHORT, 2 * index, Float.floatToFloat16(value));
      case BF16 -> segment.set(ValueLayout.JAVA_SHORT, 2 * index, toBf16(value));
      case BOOL -> segment.set(ValueLayout.JAVA_BYTE, index, (byte) (value != 0 ? 1 : 0));
      case I8 -> segment.set(ValueLayout.JAVA_BYTE, index, toI8(value));
      case I64 -> throw new IllegalArgumentException("I64 elements are no f32 numbers");
    }
  }

  /** Element {@code index} of I64 memory. */
  public static long readLong(MemorySegment segment, long index) {
    return segment.get(ValueLayout.JAVA_LONG, 8 * index);
  }

  /** Writes element {@code index} of I64 memory. */
  public static void writeLong(MemorySegment segment, long index, long value) {
    segment.set(ValueLayout.JAVA_LONG, 8 * index, value);
  }

  /** The same from a double, rounded once. */
  public static void write(MemorySegment segment, DType dtype, long index, double value) {
    write(segment, dtype, index, dtype.bytes() == 2 ? toOdd(value) : (float) value);
  }

  /**
   * Not rounded: what a fraction means in I8 only its scale says, which whoever writes must know.
   */
  private static byte toI8(float value) {
    byte integer = (byte) value;
    if (integer != value) {
      throw new IllegalArgumentException(
          "value is " + value + "; allowed in an I8 tensor: integers from -128 to 127");
    }
    return integer;
  }

  /** The upper half of the f32, rounded to nearest even; NaN stays NaN. */
  public static short toBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40); // quiet: the bits that say NaN may all be cut off
    }
    return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
  }

  /** The value of a bfloat16. */
  public static float fromBf16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /**
   * An f32 that rounds to a shorter type as the double would: inexact values go to the neighbour
   * with an odd last bit, so that none lands on a tie that it is not (Boldo and Melquiond, 2008).
   */
  private static float toOdd(double value) {
    float nearest = (float) value;
    if (nearest == value
        || !Float.isFinite(nearest)
        || (Float.floatToRawIntBits(nearest) & 1) == 1) {
      return nearest;
    }
    return value > nearest ? Math.nextUp(nearest) : Math.nextDown(nearest);
  }
}
