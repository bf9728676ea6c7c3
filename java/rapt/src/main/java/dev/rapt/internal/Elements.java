// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal;

import dev.rapt.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Single elements of memory as numbers, whatever type they are stored in: as f32, which the
 * elements of I32 and I64 do not fit into, or as long.
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
      case I32, I64 -> throw new IllegalArgumentException(dtype + " elements are no f32 numbers");
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
      case I8 -> {
        if (!fits(value, DType.I8)) {
          throw new IllegalArgumentException("value is " + value + allowed(DType.I8));
        }
        segment.set(ValueLayout.JAVA_BYTE, index, (byte) value);
      }
      case I32, I64 -> throw new IllegalArgumentException(dtype + " elements are no f32 numbers");
    }
  }

  /** The same from a double, rounded once. */
  public static void write(MemorySegment segment, DType dtype, long index, double value) {
    write(segment, dtype, index, dtype.bytes() == 2 ? toOdd(value) : (float) value);
  }

  /** The bits of an F16 or BF16 element, from a double, rounded once. */
  public static short bits(DType dtype, double value) {
    float odd = toOdd(value);
    return dtype == DType.F16 ? Float.floatToFloat16(odd) : toBf16(odd);
  }

  /** Element {@code index} of I64 memory. */
  public static long readLong(MemorySegment segment, long index) {
    return segment.get(ValueLayout.JAVA_LONG, 8 * index);
  }

  /** Element {@code index} of integers; a BOOL one is 1 or 0. */
  public static long readLong(MemorySegment segment, DType dtype, long index) {
    return switch (dtype) {
      case BOOL -> segment.get(ValueLayout.JAVA_BYTE, index) != 0 ? 1 : 0;
      case I8 -> segment.get(ValueLayout.JAVA_BYTE, index);
      case I32 -> segment.get(ValueLayout.JAVA_INT, 4 * index);
      case I64 -> segment.get(ValueLayout.JAVA_LONG, 8 * index);
      case F32, F16, BF16 ->
          throw new IllegalArgumentException(dtype + " elements are no integers");
    };
  }

  /**
   * Writes element {@code index} of integers, which take what lies in their range only; non-zero is
   * true in BOOL memory.
   */
  public static void writeLong(MemorySegment segment, DType dtype, long index, long value) {
    if (dtype.isInteger() && !fits(value, dtype)) {
      throw new IllegalArgumentException("value is " + value + allowed(dtype));
    }
    switch (dtype) {
      case BOOL -> segment.set(ValueLayout.JAVA_BYTE, index, (byte) (value != 0 ? 1 : 0));
      case I8 -> segment.set(ValueLayout.JAVA_BYTE, index, (byte) value);
      case I32 -> segment.set(ValueLayout.JAVA_INT, 4 * index, (int) value);
      case I64 -> segment.set(ValueLayout.JAVA_LONG, 8 * index, value);
      case F32, F16, BF16 ->
          throw new IllegalArgumentException(dtype + " elements are no integers");
    }
  }

  /**
   * Whether a float is one of the integers of a type. It is never rounded to one: what a fraction
   * means in I8 only its scale says, which whoever writes must know.
   */
  public static boolean fits(float value, DType dtype) {
    long integer = (long) value;
    // 2^63 is no long, but turns into the largest one, which turns back into 2^63.
    return integer == value && value != 0x1p63f && fits(integer, dtype);
  }

  /** Whether a number lies in the range of a type of integers. */
  public static boolean fits(long value, DType dtype) {
    return value >= smallest(dtype) && value <= largest(dtype);
  }

  /** What an error says behind the value. */
  public static String allowed(DType dtype) {
    return "; allowed in an "
        + dtype
        + " tensor: integers from "
        + smallest(dtype)
        + " to "
        + largest(dtype);
  }

  private static long smallest(DType dtype) {
    return -1L << 8 * dtype.bytes() - 1;
  }

  private static long largest(DType dtype) {
    return ~smallest(dtype);
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

  /** The f32 that rounds to a floating-point type as the integer itself would. */
  public static float toFloat(long value, DType dtype) {
    float nearest = (float) value;
    if (dtype == DType.F32) {
      return nearest;
    }
    // Near 2^63 the way back ends at the largest long: that is on the right side, and no tie.
    return toOdd(nearest, Long.compare(value, (long) nearest));
  }

  /**
   * The f32 that rounds to a shorter type as the double would. Without branches: which way a value
   * is rounded is a toss, and a branch on it would cost more than all the rest.
   */
  private static float toOdd(double value) {
    float nearest = (float) value;
    if (!Float.isFinite(nearest)) {
      return nearest;
    }
    int bits = Float.floatToRawIntBits(nearest);
    double left = value - nearest;
    int inexact = left == 0 ? 0 : 1;
    // The neighbour on the value's side has a bit more where that is away from 0, else one less.
    long apart = Double.doubleToRawLongBits(left) ^ Double.doubleToRawLongBits(value);
    int step = 1 - 2 * (int) (apart >>> 63);
    return Float.intBitsToFloat(bits + (inexact & ~bits) * step);
  }

  /**
   * Inexact values go to the neighbour with an odd last bit, so that none lands on a tie that it is
   * not (Boldo and Melquiond, 2008). {@code side} is the sign of value - nearest.
   */
  private static float toOdd(float nearest, int side) {
    if (side == 0 || (Float.floatToRawIntBits(nearest) & 1) == 1) {
      return nearest;
    }
    return side > 0 ? Math.nextUp(nearest) : Math.nextDown(nearest);
  }
}
