// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.linear;

import dev.rapt.QuantizedMatrix;
import dev.rapt.Tensor;
import dev.rapt.internal.call.OperandView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/** The numbers that a quantised matrix stands for. */
@FunctionalInterface
interface QuantizedElements {
  /** The element at [row, column]. */
  double get(long row, long column);

  static QuantizedElements of(QuantizedMatrix matrix) {
    return switch (matrix.format()) {
      case Q8_0 -> (row, column) -> block(matrix, row, column, QuantizedElements::byteOf);
      case Q4_0 -> (row, column) -> block(matrix, row, column, QuantizedElements::nibbleOf);
      case I8 -> bytes(matrix.bytes(), Objects.requireNonNull(matrix.scale()));
    };
  }

  private static QuantizedElements bytes(Tensor bytes, Tensor scale) {
    OperandView numbers = OperandView.of(bytes);
    OperandView scales = OperandView.of(scale);
    return (row, column) -> numbers.get(row, column, 0, 0) * scales.get(row, 0, 0, 0);
  }

  /** Number i of those that begin at an offset. */
  @FunctionalInterface
  interface Number {
    int read(MemorySegment memory, long at, int i);
  }

  private static double block(QuantizedMatrix matrix, long row, long column, Number number) {
    MemorySegment memory = matrix.bytes().segment();
    long index = (row * matrix.columns() + column) / QuantizedMatrix.BLOCK;
    long at = index * matrix.format().blockBytes();
    float scale = Float.float16ToFloat(memory.get(ValueLayout.JAVA_SHORT, at));
    int i = (int) (column % QuantizedMatrix.BLOCK);
    return (double) number.read(memory, at + Short.BYTES, i) * scale;
  }

  private static int byteOf(MemorySegment memory, long at, int i) {
    return memory.get(ValueLayout.JAVA_BYTE, at + i);
  }

  /** The low halves of the bytes are the first 16, the high halves the others. */
  private static int nibbleOf(MemorySegment memory, long at, int i) {
    int pair = memory.get(ValueLayout.JAVA_BYTE, at + i % 16);
    return (pair >> (i < 16 ? 0 : 4) & 15) - 8;
  }
}
