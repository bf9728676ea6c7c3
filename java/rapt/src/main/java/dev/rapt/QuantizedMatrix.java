// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import static dev.rapt.internal.call.OperandTable.MAX_FEATURES;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * (rows, columns): a matrix of small integers with scales, over off-heap memory that the caller
 * owns. It is blocks of 32 neighbours of a row that share a scale, as GGUF files store weights, or
 * bytes with a scale for each row.
 *
 * {@snippet :
 * MemorySegment blocks = arena.allocate(4096 * 4096 / 32 * 34, 2); // or a mapped file's
 * QuantizedMatrix weight = QuantizedMatrix.of(blocks, QuantizedMatrix.Format.Q8_0, 4096, 4096);
 * try (Linear layer = Linear.of(device, weight, bias)) { // (out, in) and (out)
 *   layer.run(device, input, output);
 * }
 * }
 *
 * <p>{@link Quantization} makes bytes and scales of floats:
 *
 * {@snippet :
 * Tensor bytes = Tensor.allocate(arena, DType.I8, weight.size(0), weight.size(1));
 * Tensor scale = Tensor.allocate(arena, DType.F32, weight.size(0));
 * Quantization.symmetric(weight, bytes, scale); // a scale for each row
 * Linear layer = Linear.of(device, QuantizedMatrix.of(bytes, scale), bias);
 * }
 *
 * <p>A view; immutable and thread-safe. The memory's own rules (its arena's lifetime and thread
 * confinement) stay in force.
 */
public final class QuantizedMatrix {
  /** Elements of a block. */
  public static final int BLOCK = 32;

  /** How elements and scales are stored: the first two in blocks of an F16 scale and 32 numbers. */
  public enum Format {
    /** 34 bytes: the scale and 32 signed bytes. An element is its byte times the scale. */
    Q8_0(34),
    /**
     * 18 bytes: the scale and 16 bytes, the low halves of which are the numbers of elements 0 to 15
     * and the high halves those of 16 to 31. An element is its number, 0 to 15, less 8, times the
     * scale.
     */
    Q4_0(18),
    /**
     * A signed byte for each element, and for each row a scale in a tensor of its own. An element
     * is its byte times the scale.
     */
    I8(32);

    private final int blockBytes;

    Format(int blockBytes) {
      this.blockBytes = blockBytes;
    }

    /** Bytes of 32 neighbours of a row, with their scale where it lies beside them. */
    public int blockBytes() {
      return blockBytes;
    }
  }

  private final Tensor bytes;
  private final @Nullable Tensor scale;
  private final Format format;
  private final long columns;

  private QuantizedMatrix(Tensor bytes, @Nullable Tensor scale, Format format, long columns) {
    this.bytes = bytes;
    this.scale = scale;
    this.format = format;
    this.columns = columns;
  }

  /**
   * A view of the segment's beginning as blocks, row after row without gaps.
   *
   * @throws IllegalArgumentException where the format is I8, columns are no multiple of 32, a size
   *     is not from 1 to 2²⁴, or the segment is on the heap, too small or not aligned to 2 bytes
   * @throws IllegalStateException where the segment's arena is closed
   */
  public static QuantizedMatrix of(MemorySegment blocks, Format format, long rows, long columns) {
    Objects.requireNonNull(blocks, "blocks");
    Objects.requireNonNull(format, "format");
    if (format == Format.I8) {
      throw new IllegalArgumentException(
          "format is I8, whose scales lie apart; allowed: Q8_0 and Q4_0, or two tensors");
    }
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
    Tensor bytes = Tensor.of(blocks, DType.I8, rows, rowBytes);
    return new QuantizedMatrix(bytes, null, format, columns);
  }

  /**
   * A view of bytes and their rows' scales: an element is its byte times the scale of its row.
   *
   * @param bytes I8 (rows, columns), in any strides
   * @param scale F32, F16 or BF16 (rows), in any stride
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the memory of one of them is closed
   * @throws WrongThreadException where an arena is confined to another thread
   */
  public static QuantizedMatrix of(Tensor bytes, Tensor scale) {
    Objects.requireNonNull(bytes, "bytes");
    Objects.requireNonNull(scale, "scale");
    Checks.rank("bytes", bytes, 2, "(rows, columns)");
    Checks.input("bytes", bytes, DType.I8);
    size("rows", bytes.size(0));
    size("columns", bytes.size(1));
    Checks.rank("scale", scale, 1, "(rows)");
    Checks.numbers("scale", scale);
    Checks.size("scale", scale, 0, bytes.size(0), "the rows of bytes");
    return new QuantizedMatrix(bytes, scale, Format.I8, bytes.size(1));
  }

  private static void size(String name, long size) {
    if (size < 1 || size > MAX_FEATURES) {
      throw new IllegalArgumentException(name + " is " + size + "; allowed: 1 to " + MAX_FEATURES);
    }
  }

  /** How elements and scales are stored. */
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

  /** (rows, bytes of a row): the elements, with the scales of blocks among them, as I8. */
  public Tensor bytes() {
    return bytes;
  }

  /** (rows): the scales of the format I8, null of the others. */
  public @Nullable Tensor scale() {
    return scale;
  }

  /** For example {@code Q8_0 (4096, 11008)}. */
  @Override
  public String toString() {
    return format + " (" + rows() + ", " + columns + ")";
  }
}
