// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.gguf;

/**
 * What the header says of a tensor.
 *
 * @param shape the size of a row last
 * @param offset from the beginning of the data
 * @param bytes of all its elements
 */
record TensorInfo(String name, GgufType type, long[] shape, long offset, long bytes) {
  /** A name's length, one byte, the number of dimensions, one size, type and offset. */
  private static final int LEAST_BYTES = 8 + 1 + 4 + 8 + 4 + 8;

  private static final int MOST_DIMENSIONS = 4;
  private static final int MOST_NAME_BYTES = 64;

  static long readCount(Header header) throws GgufException {
    return header.readCount("the number of tensors", LEAST_BYTES);
  }

  /** Reads the next one; the offset is not yet checked against the data. */
  static TensorInfo read(Header header, long index) throws GgufException {
    String name = header.readString("the name of tensor " + index);
    if (name.isEmpty() || name.length() > MOST_NAME_BYTES) {
      throw new GgufException(
          "the name of tensor "
              + index
              + " has "
              + name.length()
              + " characters; allowed: 1 to "
              + MOST_NAME_BYTES);
    }
    int rank = header.readInt("the dimensions of " + name);
    if (rank < 1 || rank > MOST_DIMENSIONS) {
      throw new GgufException(
          name
              + " has "
              + Integer.toUnsignedString(rank)
              + " dimensions; allowed: 1 to "
              + MOST_DIMENSIONS);
    }
    long[] shape = new long[rank];
    // In the file the size of a row comes first.
    for (int i = rank - 1; i >= 0; i--) {
      shape[i] = header.readLong("a size of " + name);
      if (shape[i] < 1) {
        throw new GgufException(
            name
                + " has the size "
                + Long.toUnsignedString(shape[i])
                + " in a dimension; allowed: 1 to 2⁶³ - 1");
      }
    }
    GgufType type = GgufType.of(header.readInt("the type of " + name), name);
    long offset = header.readLong("the offset of " + name);
    return new TensorInfo(name, type, shape, offset, bytes(name, type, shape));
  }

  private static long bytes(String name, GgufType type, long[] shape) throws GgufException {
    long columns = shape[shape.length - 1];
    if (columns % type.block() != 0) {
      throw new GgufException(
          name
              + " is "
              + type
              + " and has rows of "
              + columns
              + "; allowed: multiples of "
              + type.block());
    }
    try {
      long bytes = Math.multiplyExact(columns / type.block(), (long) type.blockBytes());
      for (int i = 0; i < shape.length - 1; i++) {
        bytes = Math.multiplyExact(bytes, shape[i]);
      }
      return bytes;
    } catch (ArithmeticException e) {
      throw new GgufException(name + " has more than 2⁶³ bytes; allowed: what the file has");
    }
  }

  /** That it lies within so many bytes of data, at a multiple of the alignment. */
  void checkPlace(long data, long alignment) throws GgufException {
    if (offset < 0 || offset % alignment != 0) {
      throw new GgufException(
          name
              + " lies at offset "
              + Long.toUnsignedString(offset)
              + "; allowed: multiples of the file's alignment, "
              + alignment);
    }
    if (offset > data || bytes > data - offset) {
      throw new GgufException(
          name
              + " has "
              + bytes
              + " bytes from offset "
              + offset
              + " on; allowed: within the "
              + Math.max(data, 0)
              + " bytes of data that the file has");
    }
  }
}
