// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.gguf;

import java.util.Locale;

/** The types of metadata, in the order of their numbers in a file. */
enum ValueType {
  UINT8(1),
  INT8(1),
  UINT16(2),
  INT16(2),
  UINT32(4),
  INT32(4),
  FLOAT32(4),
  BOOL(1),
  STRING(8),
  ARRAY(12),
  UINT64(8),
  INT64(8),
  FLOAT64(8);

  private final int leastBytes;

  ValueType(int leastBytes) {
    this.leastBytes = leastBytes;
  }

  static ValueType of(int id, String what) throws GgufException {
    if (id < 0 || id >= values().length) {
      throw new GgufException(
          what
              + " is of type "
              + Integer.toUnsignedString(id)
              + "; allowed: 0 to "
              + (values().length - 1));
    }
    return values()[id];
  }

  /** Bytes of a value, or of the lengths before its content. */
  int leastBytes() {
    return leastBytes;
  }

  boolean isInteger() {
    return switch (this) {
      case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64 -> true;
      case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> false;
    };
  }

  boolean isFloating() {
    return this == FLOAT32 || this == FLOAT64;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
