// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.internal.Broadcast;
import dev.rapt.internal.Elements;
import java.lang.foreign.MemorySegment;

/** A tensor read and written as one of 4 dimensions: right-aligned, sizes of 1 broadcast. */
final class View {
  private static final int RANK = 4;

  private final MemorySegment segment;
  private final DType dtype;
  private final long offset;
  private final long s0;
  private final long s1;
  private final long s2;
  private final long s3;

  /** A view of a tensor of up to 4 dimensions. */
  View(Tensor tensor) {
    this(tensor, RANK);
  }

  /** A view whose last dimension is {@code rank - 1}; those after it are never indexed but by 0. */
  View(Tensor tensor, int rank) {
    segment = tensor.segment();
    dtype = tensor.dtype();
    offset = tensor.offset();
    s0 = Broadcast.stride(tensor, 0, rank);
    s1 = rank > 1 ? Broadcast.stride(tensor, 1, rank) : 0;
    s2 = rank > 2 ? Broadcast.stride(tensor, 2, rank) : 0;
    s3 = rank > 3 ? Broadcast.stride(tensor, 3, rank) : 0;
  }

  private long position(long i0, long i1, long i2, long i3) {
    return offset + i0 * s0 + i1 * s1 + i2 * s2 + i3 * s3;
  }

  /** The value of an element. */
  double get(long i0, long i1, long i2, long i3) {
    return Elements.read(segment, dtype, position(i0, i1, i2, i3));
  }

  /** An element of a BOOL tensor. */
  boolean isTrue(long i0, long i1, long i2, long i3) {
    return get(i0, i1, i2, i3) != 0;
  }

  /** Writes an element, rounded to its type. */
  void set(double value, long i0, long i1, long i2, long i3) {
    Elements.write(segment, dtype, position(i0, i1, i2, i3), value);
  }

  /** (rows, columns): a copy of the matrix at [i0, i1]. */
  double[][] matrix(long i0, long i1, int rows, int columns) {
    double[][] matrix = new double[rows][columns];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        matrix[row][column] = get(i0, i1, row, column);
      }
    }
    return matrix;
  }

  /** Writes a row of the matrix at [i0, i1]. */
  void setRow(double[] values, long i0, long i1, long row) {
    for (int column = 0; column < values.length; column++) {
      set(values[column], i0, i1, row, column);
    }
  }
}
