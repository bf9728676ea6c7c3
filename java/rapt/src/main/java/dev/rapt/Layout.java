// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.util.Arrays;

/** Arithmetic on shapes and element strides, overflow-checked. */
final class Layout {
  static final int MAX_RANK = 8;

  private Layout() {}

  /**
   * Row-major strides of a contiguous tensor. One without elements has those of the sizes that are
   * not 0, or 1 where they would pass 2^63 - 1: nobody ever steps by them.
   */
  static long[] contiguousStrides(long[] shape) {
    boolean empty = elements(shape) == 0;
    long[] strides = new long[shape.length];
    long stride = 1;
    for (int dim = shape.length - 1; dim >= 0; dim--) {
      strides[dim] = stride;
      long size = Math.max(1, shape[dim]);
      stride = empty && stride > Long.MAX_VALUE / size ? 1 : multiply(stride, size, shape);
    }
    return strides;
  }

  /** The number of elements; 0 where any size is 0. */
  static long elements(long[] shape) {
    for (long size : shape) {
      if (size == 0) {
        return 0;
      }
    }
    long elements = 1;
    for (long size : shape) {
      elements = multiply(elements, size, shape);
    }
    return elements;
  }

  /** The index of an element by its row-major number. */
  static long[] index(long element, long[] shape) {
    long[] index = new long[shape.length];
    for (int dim = shape.length - 1; dim >= 0; dim--) {
      index[dim] = element % shape[dim];
      element /= shape[dim];
    }
    return index;
  }

  /** What a contiguous tensor takes. */
  static long bytes(long[] shape, DType dtype) {
    long elements = elements(shape);
    if (elements > Long.MAX_VALUE / dtype.bytes()) {
      throw new IllegalArgumentException(
          "shape " + text(shape) + " of " + dtype + " takes more than 2^63 - 1 bytes");
    }
    return elements * dtype.bytes();
  }

  /** Elements between index 0 and the lowest element: zero or negative. */
  static long lowest(long[] shape, long[] strides) {
    long low = 0;
    for (int dim = 0; dim < shape.length; dim++) {
      if (strides[dim] < 0) {
        low = Math.addExact(low, Math.multiplyExact(shape[dim] - 1, strides[dim]));
      }
    }
    return low;
  }

  /** Elements between index 0 and the highest element: zero or positive. */
  static long highest(long[] shape, long[] strides) {
    long high = 0;
    for (int dim = 0; dim < shape.length; dim++) {
      if (strides[dim] > 0) {
        high = Math.addExact(high, Math.multiplyExact(shape[dim] - 1, strides[dim]));
      }
    }
    return high;
  }

  /** Whether the elements lie in row-major order without gaps. */
  static boolean contiguous(long[] shape, long[] strides) {
    long expected = 1;
    for (int dim = shape.length - 1; dim >= 0; dim--) {
      if (shape[dim] != 1 && strides[dim] != expected) {
        return false;
      }
      expected *= shape[dim];
    }
    return true;
  }

  /**
   * Whether two indices may name the same element. Exact for strides that nest, each at least as
   * long as everything inside it; anything else counts as overlapping.
   */
  static boolean selfOverlapping(long[] shape, long[] strides) {
    long reach = 0; // elements from the lowest to the highest of the dimensions seen so far
    boolean[] seen = new boolean[shape.length];
    for (int round = 0; round < shape.length; round++) {
      int smallest = -1;
      for (int dim = 0; dim < shape.length; dim++) {
        if (!seen[dim]
            && shape[dim] > 1
            && (smallest < 0 || Math.abs(strides[dim]) < Math.abs(strides[smallest]))) {
          smallest = dim;
        }
      }
      if (smallest < 0) {
        return false;
      }
      seen[smallest] = true;
      long stride = Math.abs(strides[smallest]);
      if (stride <= reach) {
        return true;
      }
      reach += stride * (shape[smallest] - 1);
    }
    return false;
  }

  /** "(2, 3, 4)", as every message prints a shape. */
  static String text(long[] shape) {
    return Arrays.toString(shape).replace('[', '(').replace(']', ')');
  }

  private static long multiply(long a, long b, long[] shape) {
    try {
      return Math.multiplyExact(a, b);
    } catch (ArithmeticException overflow) {
      throw new IllegalArgumentException(
          "shape " + text(shape) + " has more than 2^63 - 1 elements", overflow);
    }
  }
}
