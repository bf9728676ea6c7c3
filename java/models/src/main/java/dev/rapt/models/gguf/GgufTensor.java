// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.gguf;

import java.lang.foreign.MemorySegment;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * A tensor of a file: row-major, its last dimension without gaps. Immutable; its memory is the
 * file's own, read-only, and valid as long as the file is open.
 */
public final class GgufTensor {
  private final String name;
  private final GgufType type;
  private final long[] shape;
  private final MemorySegment segment;

  GgufTensor(String name, GgufType type, long[] shape, MemorySegment segment) {
    this.name = name;
    this.type = type;
    this.shape = shape;
    this.segment = segment;
  }

  /** Its name in the file. */
  public String name() {
    return name;
  }

  /** How its elements are stored. */
  public GgufType type() {
    return type;
  }

  /** A copy of the sizes, the last of which is that of a row: (out, in) for a projection. */
  public long[] shape() {
    return shape.clone();
  }

  /** The elements of a row: the last size. */
  public long columns() {
    return shape[shape.length - 1];
  }

  /** The rows: the product of all sizes but the last. */
  public long rows() {
    long rows = 1;
    for (int i = 0; i < shape.length - 1; i++) {
      rows *= shape[i];
    }
    return rows;
  }

  /** Bytes of a row. */
  public long rowBytes() {
    return columns() / type.block() * type.blockBytes();
  }

  /** The elements as they are stored. */
  public MemorySegment segment() {
    return segment;
  }

  /** For example {@code blk.0.attn_q.weight, Q8_0 (4096, 4096)}. */
  @Override
  public String toString() {
    return name
        + ", "
        + type
        + LongStream.of(shape)
            .mapToObj(Long::toString)
            .collect(Collectors.joining(", ", " (", ")"));
  }
}
