// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/**
 * Element types of a {@link Tensor}: what memory holds. Arithmetic on F32, F16, BF16 and I8 is f32.
 */
public enum DType {
  /** IEEE binary32, little-endian, 4 bytes. */
  F32(4),
  /** IEEE binary16, little-endian, 2 bytes; written values are rounded to nearest even. */
  F16(2),
  /** bfloat16, the upper half of an F32, 2 bytes; written values are rounded to nearest even. */
  BF16(2),
  /** One byte per element; 0 is false, anything else is true. */
  BOOL(1),
  /** Signed byte; for keys and values, which then have a scale tensor beside them. */
  I8(1),
  /** Signed 32 bits, little-endian, 4 bytes; for indices. */
  I32(4),
  /** Signed 64 bits, little-endian, 8 bytes; for indices, such as positions. */
  I64(8);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes per element. */
  public int bytes() {
    return bytes;
  }

  /** Whether elements are floating-point numbers: F32, F16 and BF16. */
  public boolean isFloating() {
    return this == F32 || this == F16 || this == BF16;
  }

  /** Whether elements are integers: I8, I32 and I64. */
  public boolean isInteger() {
    return this == I8 || this == I32 || this == I64;
  }
}
