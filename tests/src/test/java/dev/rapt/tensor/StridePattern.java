// SPDX-License-Identifier: Apache-2.0
package dev.rapt.tensor;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** How the elements of a test's tensor lie in its memory. */
enum StridePattern {
  CONTIGUOUS,
  /** The first dimension innermost. */
  TRANSPOSED,
  /** With a gap behind each row, as part of a wider tensor. */
  SLICED,
  /** Every second element, as one of two interleaved tensors. */
  STEPPED,
  /** Last to first. */
  REVERSED,
  /** Transposed, with gaps, every second dimension backwards. */
  MIXED,
  /** One row for all. */
  BROADCAST_ROWS,
  /** One element for each row. */
  BROADCAST_COLUMNS;

  private static final int MARGIN = 2;

  /** Strides, the element of index (0, ..., 0), and how many elements the memory has. */
  record Placement(long[] shape, long[] strides, long offset, long capacity) {
    MemorySegment allocate(Arena arena, DType dtype) {
      return arena.allocate(capacity * dtype.bytes(), 8);
    }

    Tensor tensor(MemorySegment memory, DType dtype) {
      return Tensor.of(memory, offset, dtype, shape, strides);
    }

    /** The elements of the memory in row-major order of their indices. */
    long[] elements() {
      long count = 1;
      for (long size : shape) {
        count *= size;
      }
      long[] elements = new long[(int) count];
      for (int number = 0; number < count; number++) {
        long rest = number;
        elements[number] = offset;
        for (int dim = shape.length - 1; dim >= 0; dim--) {
          elements[number] += rest % shape[dim] * strides[dim];
          rest /= shape[dim];
        }
      }
      return elements;
    }
  }

  /** Whether an index has an element of its own. */
  boolean isInjective() {
    return this != BROADCAST_ROWS && this != BROADCAST_COLUMNS;
  }

  Placement place(long... shape) {
    int rank = shape.length;
    long[] strides = new long[rank];
    long offset = MARGIN;
    long end = MARGIN + 1;
    long step = this == STEPPED ? 2 : 1;
    for (int i = 0; i < rank; i++) {
      int dim = this == TRANSPOSED || this == MIXED ? i : rank - 1 - i;
      if (!isBroadcast(dim, rank)) {
        strides[dim] = isBackwards(dim) ? -step : step;
        long reach = (shape[dim] - 1) * step;
        offset += isBackwards(dim) ? reach : 0;
        end += reach;
        step = step * shape[dim] + (this == SLICED || this == MIXED ? 3 : 0);
      }
    }
    return new Placement(shape, strides, offset, end + MARGIN);
  }

  private boolean isBroadcast(int dim, int rank) {
    return this == BROADCAST_ROWS && dim < rank - 1 || this == BROADCAST_COLUMNS && dim == rank - 1;
  }

  private boolean isBackwards(int dim) {
    return this == REVERSED || this == MIXED && dim % 2 == 1;
  }
}
