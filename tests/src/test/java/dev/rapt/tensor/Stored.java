// SPDX-License-Identifier: Apache-2.0
package dev.rapt.tensor;

import dev.rapt.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.HashMap;
import java.util.Map;

/**
 * Elements one at a time, in exact decimals: what copies are compared with. A number is a Double
 * where its type is floating-point, else a Long.
 */
final class Stored {
  private static final Map<DType, Map<Double, Integer>> SIXTEEN_BITS =
      Map.of(DType.F16, patterns(DType.F16), DType.BF16, patterns(DType.BF16));

  private Stored() {}

  /** The bits of an element. */
  static long bits(MemorySegment memory, DType dtype, long element) {
    return switch (dtype.bytes()) {
      case 1 -> memory.get(ValueLayout.JAVA_BYTE, element);
      case 2 -> memory.getAtIndex(ValueLayout.JAVA_SHORT, element);
      case 4 -> memory.getAtIndex(ValueLayout.JAVA_INT, element);
      default -> memory.getAtIndex(ValueLayout.JAVA_LONG, element);
    };
  }

  static void setBits(MemorySegment memory, DType dtype, long element, long bits) {
    switch (dtype.bytes()) {
      case 1 -> memory.set(ValueLayout.JAVA_BYTE, element, (byte) bits);
      case 2 -> memory.setAtIndex(ValueLayout.JAVA_SHORT, element, (short) bits);
      case 4 -> memory.setAtIndex(ValueLayout.JAVA_INT, element, (int) bits);
      default -> memory.setAtIndex(ValueLayout.JAVA_LONG, element, bits);
    }
  }

  /** What bits stand for. */
  static Number number(DType dtype, long bits) {
    return switch (dtype) {
      case F32 -> (double) Float.intBitsToFloat((int) bits);
      case F16 -> decoded((int) bits & 0xFFFF, 10);
      case BF16 -> decoded((int) bits & 0xFFFF, 7);
      case BOOL -> bits == 0 ? 0L : 1L;
      case I8, I32, I64 -> bits;
    };
  }

  /** The bits of a number that the type holds. */
  static long bits(DType dtype, Number number) {
    return switch (dtype) {
      case F32 -> Float.floatToRawIntBits((float) number.doubleValue());
      case F16, BF16 ->
          Double.isNaN(number.doubleValue())
              ? (dtype == DType.F16 ? 0x7E00 : 0x7FC0)
              : SIXTEEN_BITS.get(dtype).get(number.doubleValue()).shortValue();
      case BOOL, I8, I32, I64 -> number.longValue();
    };
  }

  /** What a number becomes in another type; null where that does not hold it. */
  static Number converted(Number number, DType to) {
    if (to == DType.BOOL) {
      return number.doubleValue() == 0 ? 0L : 1L;
    }
    return to.isFloating() ? (Number) rounded(number, to) : whole(number, to);
  }

  private static Long whole(Number number, DType to) {
    if (!Double.isFinite(number.doubleValue())) {
      return null;
    }
    BigDecimal exact = exact(number);
    BigDecimal end = BigDecimal.TWO.pow(8 * to.bytes() - 1);
    boolean fits =
        exact.remainder(BigDecimal.ONE).signum() == 0
            && exact.compareTo(end) < 0
            && exact.compareTo(end.negate()) >= 0;
    return fits ? exact.longValueExact() : null;
  }

  private static Double rounded(Number number, DType to) {
    double near = number.doubleValue();
    if (near == 0 || !Double.isFinite(near)) {
      return near;
    }
    int fraction = to == DType.F32 ? 23 : to == DType.F16 ? 10 : 7;
    int largest = to == DType.F16 ? 15 : 127;
    int exponent = Math.max(Math.getExponent(near), 1 - largest);
    BigDecimal unit = power(exponent - fraction);
    BigDecimal units = exact(number).divide(unit, 0, RoundingMode.HALF_EVEN);
    double nearest = units.multiply(unit).doubleValue();
    return Math.copySign(
        Math.getExponent(nearest) > largest ? Double.POSITIVE_INFINITY : nearest, near);
  }

  private static BigDecimal exact(Number number) {
    return number instanceof Long whole
        ? BigDecimal.valueOf(whole)
        : new BigDecimal(number.doubleValue());
  }

  private static BigDecimal power(int exponent) {
    BigDecimal power = BigDecimal.TWO.pow(Math.abs(exponent));
    return exponent < 0 ? BigDecimal.ONE.divide(power) : power;
  }

  /** Sign, exponent and fraction of 16 bits. */
  private static Double decoded(int bits, int fractionBits) {
    int exponentBits = 15 - fractionBits;
    int bias = (1 << exponentBits - 1) - 1;
    int exponent = bits >> fractionBits & (1 << exponentBits) - 1;
    int fraction = bits & (1 << fractionBits) - 1;
    double magnitude;
    if (exponent == (1 << exponentBits) - 1) {
      magnitude = fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
    } else if (exponent == 0) {
      magnitude = Math.scalb((double) fraction, 1 - bias - fractionBits);
    } else {
      magnitude =
          Math.scalb((double) fraction + (1 << fractionBits), exponent - bias - fractionBits);
    }
    return bits >> 15 == 0 ? magnitude : -magnitude;
  }

  private static Map<Double, Integer> patterns(DType dtype) {
    Map<Double, Integer> patterns = new HashMap<>();
    for (int bits = 0; bits < 1 << 16; bits++) {
      patterns.put(decoded(bits, dtype == DType.F16 ? 10 : 7), bits);
    }
    return patterns;
  }
}
