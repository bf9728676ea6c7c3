// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import static dev.rapt.internal.call.OperandTable.MAX_FEATURES;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * (rows, columns): a matrix in blocks of 32 neighbours of a row that share a scale, as GGUF files
 * store weights, over off-heap memory that the caller owns.
 *
 * {@snippet :
 * MemorySegment blocks = arena.allocate(4096 * 4096 / 32 * 34, 2); // or a mapped file's
 * QuantizedMatrix weight = QuantizedMatrix.of(blocks, QuantizedMatrix.Format.Q8_0, 4096, 4096);
 * try (Linear layer = Linear.of(device, weight, bias)) { // (out, in) and (out)
 *   layer.run(device, input, output);
 * }
 * }
 *
 * <p>A view; immutable and thread-safe. The memory's own rules (its arena's lifetime and thread
 * confinement) stay in force.
 */
public final class QuantizedMatrix {
  /** Elements of a block. */
  public static final int BLOCK = 32;

  /** How a block is stored: an F16 scale and 32 numbers. */
  public enum Format {
    /** 34 bytes: the scale and 32 signed bytes. An element is its byte times the scale. */
    Q8_0(34),
    /**
     * 18 bytes: the scale and 16 bytes, the low halves of which are the numbers of elements 0 to 15
     * and the high halves those of 16 to 31. An element is its number, 0 to 15, less 8, times the
     * scale.
     */
    Q4_0(18);

    private final int blockBytes;

    Format(int blockBytes) {
      this.blockBytes = blockBytes;
    }

    /** Bytes of a block. */
    public int blockBytes() {
      return blockBytes;
    }
  }

  private final Tensor bytes;
  private final Format format;
  private final long columns;

  private QuantizedMatrix(Tensor bytes, Format format, long columns) {
    this.bytes = bytes;
    this.format = format;
    this.columns = columns;
  }

  /**
   * A view of the segment's beginning, row after row without gaps.
   *
   * @throws IllegalArgumentException where columns are no multiple of 32, a size is not from 1 to
   *     2²⁴, or the segment is on the heap, too small or not aligned to 2 bytes
   * @throws IllegalStateException where the segment's arena is closed
   */
  public static QuantizedMatrix of(MemorySegment blocks, Format format, long rows, long columns) {
    Objects.requireNonNull(blocks, "blocks");
    Objects.requireNonNull(format, "format");
    size("rows", rows);
    size("columns", columns);
    if (columns % BLOCK != 0) {
      throw new IllegalArgumentException(
          "columns is " + columns + "; allowed: multiples of " + BLOCK);
    }
    if (blocks.address() % Short.BYTES != 0) {
      throw new IllegalArgumentException(
          "blocks lies at 0x"
              + Long.toHexString(blocks.address())
              + "; allowed: addresses aligned to "
              + Short.BYTES
              + " bytes");
    }
    long rowBytes = columns / BLOCK * format.blockBytes();
    return new QuantizedMatrix(Tensor.of(blocks, DType.I8, rows, rowBytes), format, columns);
  }

  private static void size(String name, long size) {
    if (size < 1 || size > MAX_FEATURES) {
      throw new IllegalArgumentException(name + " is " + size + "; allowed: 1 to " + MAX_FEATURES);
    }
  }

  /** How blocks are stored. */
  public Format format() {
    return format;
  }

  /** The number of rows: output features, where this is a weight. */
  public long rows() {
    return bytes.size(0);
  }

  /** The number of columns: input features, where this is a weight. */
  public long columns() {
    return columns;
  }

  /** (rows, bytes of a row): the memory viewed, as I8. */
  public Tensor bytes() {
    return bytes;
  }

  /** For example {@code Q8_0 (4096, 11008)}. */
  @Override
  public String toString() {
    return format + " (" + rows() + ", " + columns + ")";
  }
}
