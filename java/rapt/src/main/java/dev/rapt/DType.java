// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/** Element types of a {@link Tensor}. */
public enum DType {
  /** IEEE binary32, little-endian, 4 bytes. */
  F32(4),
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
}
