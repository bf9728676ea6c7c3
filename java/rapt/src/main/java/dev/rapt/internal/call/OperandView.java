// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.internal.Elements;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A tensor read and written by the dimensions of its operand's line, four at a time; those that it
 * lacks or broadcasts have stride 0, and an index that the line has no dimension for is 0.
 */
public final class OperandView {
  private final MemorySegment segment;
  private final DType dtype;
  private final long offset;
  private final long s0;
  private final long s1;
  private final long s2;
  private final long s3;
  private final long s4;

  private OperandView(MemorySegment segment, DType dtype, long offset, long... strides) {
    this.segment = segment;
    this.dtype = dtype;
    this.offset = offset;
    s0 = strides[0];
    s1 = strides[1];
    s2 = strides[2];
    s3 = strides[3];
    s4 = strides[4];
  }

  /** A view of a tensor that a checked call has. */
  public static OperandView of(CallFrame call, int slot) {
    Tensor tensor = call.required(slot);
    Operand operand = call.operand(slot);
    long[] strides = new long[5];
    System.arraycopy(call.strides(operand, tensor), 0, strides, 0, operand.dimensions());
    return new OperandView(tensor.segment(), tensor.dtype(), tensor.offset(), strides);
  }

  /** The same, or null where the call does not have it. */
  public static @Nullable OperandView optional(CallFrame call, int slot) {
    return call.tensor(slot) == null ? null : of(call, slot);
  }

  /** A view of a tensor of up to five dimensions by its own. */
  public static OperandView of(Tensor tensor) {
    long[] strides = new long[5];
    System.arraycopy(tensor.strides(), 0, strides, 0, tensor.rank());
    return new OperandView(tensor.segment(), tensor.dtype(), tensor.offset(), strides);
  }

  /** The remaining dimensions at one index of the first. */
  public OperandView at(long index) {
    return new OperandView(segment, dtype, offset + index * s0, s1, s2, s3, s4, 0);
  }

  private long position(long i0, long i1, long i2, long i3) {
    return offset + i0 * s0 + i1 * s1 + i2 * s2 + i3 * s3;
  }

  /** The value of an element. */
  public double get(long i0, long i1, long i2, long i3) {
    return Elements.read(segment, dtype, position(i0, i1, i2, i3));
  }

  /** An element of a BOOL tensor. */
  public boolean isTrue(long i0, long i1, long i2, long i3) {
    return get(i0, i1, i2, i3) != 0;
  }

  /** An element of an I32 or I64 tensor. */
  public long getLong(long i0, long i1) {
    return Elements.readLong(segment, dtype, position(i0, i1, 0, 0));
  }

  /** Writes an element, rounded to its type. */
  public void set(double value, long i0, long i1, long i2, long i3) {
    Elements.write(segment, dtype, position(i0, i1, i2, i3), value);
  }

  /** (rows, columns): a copy of the matrix at [i0, i1]. */
  public double[][] matrix(long i0, long i1, int rows, int columns) {
    double[][] matrix = new double[rows][columns];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        matrix[row][column] = get(i0, i1, row, column);
      }
    }
    return matrix;
  }

  /** Writes a row of the matrix at [i0, i1]. */
  public void setRow(double[] values, long i0, long i1, long row) {
    for (int column = 0; column < values.length; column++) {
      set(values[column], i0, i1, row, column);
    }
  }
}
