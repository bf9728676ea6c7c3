// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.lang.foreign.MemorySegment;

/**
 * Where elements of a shape lie, in a tensor or in a Java array: index (0, ..., 0) at element
 * {@code offset} of the segment.
 */
record Strided(MemorySegment segment, DType dtype, long offset, long[] strides) {
  static Strided of(Tensor tensor) {
    return new Strided(tensor.segment(), tensor.dtype(), tensor.offset(), tensor.strides());
  }

  /** A Java array, row-major. */
  static Strided of(MemorySegment array, DType dtype, long[] shape) {
    return new Strided(array, dtype, 0, Layout.contiguousStrides(shape));
  }

  /** The segment's first element, for every index. */
  static Strided repeated(MemorySegment one, DType dtype, long[] shape) {
    return new Strided(one, dtype, 0, new long[shape.length]);
  }
}
