// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/** Element types of a {@link Tensor}: what memory holds. Arithmetic is f32 whatever the type. */
public enum DType {
  /** IEEE binary32, little-endian, 4 bytes. */
  F32(4),
  /** IEEE binary16, little-endian, 2 bytes; written values are rounded to nearest even. */
  F16(2),
  /** bfloat16, the upper half of an F32, 2 bytes; written values are rounded to nearest even. */
  BF16(2),
  /** One byte per element; 0 is false, anything else is true. */
  BOOL(1);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes per element. */
  public int bytes() {
    return bytes;
  }

  /** Whether elements are numbers: every type but BOOL. */
  public boolean isFloating() {
    return this != BOOL;
  }
}
