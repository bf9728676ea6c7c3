// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Reads a file from its beginning on. Every read is checked against the end of the file first, and
 * nothing is allocated by a number that was not.
 */
final class Header {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment file;
  private long at;

  Header(MemorySegment file) {
    this.file = file;
  }

  /** Where the next read begins. */
  long at() {
    return at;
  }

  /** Bytes from there to the end. */
  long left() {
    return file.byteSize() - at;
  }

  byte readByte(String what) throws GgufException {
    return file.get(ValueLayout.JAVA_BYTE, take(what, 1));
  }

  short readShort(String what) throws GgufException {
    return file.get(SHORT, take(what, Short.BYTES));
  }

  int readInt(String what) throws GgufException {
    return file.get(INT, take(what, Integer.BYTES));
  }

  long readLong(String what) throws GgufException {
    return file.get(LONG, take(what, Long.BYTES));
  }

  float readFloat(String what) throws GgufException {
    return Float.intBitsToFloat(readInt(what));
  }

  double readDouble(String what) throws GgufException {
    return Double.longBitsToDouble(readLong(what));
  }

  boolean readBoolean(String what) throws GgufException {
    byte value = readByte(what);
    if (value != 0 && value != 1) {
      throw new GgufException(what + " is " + value + "; allowed in a bool: 0 and 1");
    }
    return value == 1;
  }

  /**
   * A number of things that take at least so many bytes each, of which the rest of the file has.
   */
  long readCount(String what, int leastBytes) throws GgufException {
    long count = readLong(what);
    long most = left() / leastBytes;
    if (count < 0 || count > most) {
      throw new GgufException(
          what
              + " is "
              + Long.toUnsignedString(count)
              + "; allowed: at most "
              + most
              + ", as "
              + left()
              + " bytes of the file are left");
    }
    return count;
  }

  String readString(String what) throws GgufException {
    long length = readCount("the length of " + what, 1);
    if (length > Integer.MAX_VALUE - 8) {
      throw new GgufException(what + " has " + length + " bytes; allowed: less than 2 GiB");
    }
    MemorySegment bytes = file.asSlice(take(what, length), length);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes.asByteBuffer()).toString();
    } catch (CharacterCodingException e) {
      throw new GgufException(what + " at byte " + (at - length) + " is not UTF-8");
    }
  }

  void skipString(String what) throws GgufException {
    take(what, readCount("the length of " + what, 1));
  }

  /** Passes over so many bytes and returns where they begin. */
  long take(String what, long bytes) throws GgufException {
    if (bytes > left()) {
      throw new GgufException(
          "the file ends at byte "
              + file.byteSize()
              + ", within "
              + what
              + ", which needs "
              + bytes
              + " bytes from byte "
              + at
              + " on");
    }
    long from = at;
    at += bytes;
    return from;
  }

  MemorySegment slice(long from, long bytes) {
    return file.asSlice(from, bytes);
  }
}
