// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a tensor's own parameters must satisfy. */
final class TensorChecks {
  /** The longest array that every JVM makes. */
  private static final int MAX_ARRAY = Integer.MAX_VALUE - 8;

  private TensorChecks() {}

  static void checkShape(long[] shape) {
    if (shape.length < 1 || shape.length > Layout.MAX_RANK) {
      throw new IllegalArgumentException(
          "shape "
              + Layout.text(shape)
              + " has rank "
              + shape.length
              + "; allowed: 1 to "
              + Layout.MAX_RANK);
    }
    for (int dim = 0; dim < shape.length; dim++) {
      if (shape[dim] < 0) {
        throw new IllegalArgumentException(
            "shape "
                + Layout.text(shape)
                + " has size "
                + shape[dim]
                + " in dimension "
                + dim
                + "; allowed: 0 or more");
      }
    }
  }

  /**
   * Checks everything that the constructor's arithmetic relies on; returns the number of elements.
   */
  static long checkLayout(
      MemorySegment segment, long bytes, long offset, DType dtype, long[] shape, long[] strides) {
    checkShape(shape);
    if (strides.length != shape.length) {
      throw new IllegalArgumentException(
          "strides "
              + Layout.text(strides)
              + " do not have the rank of shape "
              + Layout.text(shape));
    }
    if (!segment.isNative()) {
      throw new IllegalArgumentException(
          "segment is on the Java heap; allowed: off-heap memory, for example from an Arena");
    }
    if (!segment.scope().isAlive()) {
      throw new IllegalStateException("the tensor's memory is already closed");
    }
    long elements = Layout.elements(shape);
    if (elements != 0) {
      checkBounds(bytes / dtype.bytes(), offset, shape, strides);
    } else if (offset < 0) {
      throw new IllegalArgumentException("offset is " + offset + "; allowed: 0 or more");
    }
    if ((segment.address() + offset * dtype.bytes()) % dtype.bytes() != 0) {
      throw new IllegalArgumentException(
          "segment at address 0x"
              + Long.toHexString(segment.address())
              + " is misaligned; allowed: multiples of "
              + dtype.bytes()
              + " bytes for "
              + dtype);
    }
    return elements;
  }

  private static void checkBounds(long capacity, long offset, long[] shape, long[] strides) {
    long first;
    long last;
    try {
      first = Math.addExact(offset, Layout.lowest(shape, strides));
      last = Math.addExact(offset, Layout.highest(shape, strides));
    } catch (ArithmeticException overflow) {
      throw new IllegalArgumentException(
          outside(offset, shape, strides, capacity) + ": the extent overflows 64 bits", overflow);
    }
    if (first < 0 || last >= capacity) {
      throw new IllegalArgumentException(
          outside(offset, shape, strides, capacity)
              + ": elements "
              + first
              + " to "
              + last
              + " are named");
    }
  }

  private static String outside(long offset, long[] shape, long[] strides, long capacity) {
    return "shape "
        + Layout.text(shape)
        + " with strides "
        + Layout.text(strides)
        + " and offset "
        + offset
        + " does not lie in memory of "
        + capacity
        + " elements";
  }

  static void checkHost(Tensor tensor) {
    if (tensor.isOnDevice()) {
      throw new UnsupportedOperationException(
          "Java cannot touch " + tensor + "; copy it into a host tensor with CudaDevice.copy");
    }
  }

  /** That Java, on this thread, can read it now. */
  static void checkAccess(String name, Tensor tensor) {
    checkHost(tensor);
    Checks.alive(name, tensor);
  }

  /** The same for writing. */
  static void checkWritable(String name, Tensor tensor) {
    checkAccess(name, tensor);
    if (tensor.segment().isReadOnly()) {
      throw new IllegalArgumentException(
          name + " lies in a read-only segment; allowed: writable memory");
    }
  }

  /** The same where each element gets a value of its own. */
  static void checkTarget(String name, Tensor tensor) {
    checkWritable(name, tensor);
    if (tensor.selfOverlapping) {
      throw new IllegalArgumentException(
          name + " is " + tensor + "; allowed: strides that never name an element twice");
    }
  }

  static void checkCopy(Tensor source, Tensor target) {
    if (!Arrays.equals(source.shape(), target.shape())) {
      throw new IllegalArgumentException(
          "source is "
              + source
              + "; allowed: the target's shape "
              + Layout.text(target.shape())
              + ", to which expand broadcasts");
    }
    checkAccess("source", source);
    checkTarget("target", target);
  }

  /** That its elements can be read as f32 numbers, and by Java. */
  static void checkFloats(Tensor tensor) {
    if (tensor.dtype() == DType.I32 || tensor.dtype() == DType.I64) {
      throw new UnsupportedOperationException(
          tensor + " has elements that a float does not hold; use the methods for int or long");
    }
    checkHost(tensor);
  }

  /** That its elements are of a type that a method is for, and Java can touch them. */
  static void checkElements(Tensor tensor, DType... allowed) {
    if (!Arrays.asList(allowed).contains(tensor.dtype())) {
      throw new UnsupportedOperationException(
          "this is for tensors of type " + alternatives(allowed) + "; the tensor is " + tensor);
    }
    checkHost(tensor);
  }

  /** That its elements are integers, and Java can touch them. */
  static void checkIntegers(Tensor tensor) {
    checkElements(tensor, DType.I8, DType.I32, DType.I64);
  }

  /** That raw data of 16 bits can be elements of a type. */
  static void checkSixteenBits(DType dtype) {
    if (dtype != DType.F16 && dtype != DType.BF16) {
      throw new IllegalArgumentException("dtype is " + dtype + "; allowed: F16 or BF16");
    }
  }

  private static String alternatives(DType[] dtypes) {
    return Stream.of(dtypes).map(DType::name).collect(Collectors.joining(" or "));
  }

  static void checkDim(int dim, Tensor tensor) {
    if (dim < 0 || dim >= tensor.rank()) {
      throw new IllegalArgumentException(
          "dimension " + dim + " of " + tensor + "; allowed: 0 to " + (tensor.rank() - 1));
    }
  }

  /** A dimension that is there. */
  static int dimension(int dim, Tensor tensor) {
    if (dim < 0 || dim >= tensor.rank()) {
      throw new IndexOutOfBoundsException(
          "dimension " + dim + " of " + tensor + "; allowed: 0 to " + (tensor.rank() - 1));
    }
    return dim;
  }

  static void checkPermutation(int[] dims, int rank) {
    boolean[] seen = new boolean[rank];
    boolean good = dims.length == rank;
    for (int i = 0; good && i < rank; i++) {
      good = dims[i] >= 0 && dims[i] < rank && !seen[dims[i]];
      if (good) {
        seen[dims[i]] = true;
      }
    }
    if (!good) {
      throw new IllegalArgumentException(
          "dims " + Arrays.toString(dims) + "; allowed: each of 0 to " + (rank - 1) + " once");
    }
  }

  static void checkIndex(long[] index, Tensor tensor) {
    boolean good = Objects.requireNonNull(index, "index").length == tensor.rank();
    for (int dim = 0; good && dim < index.length; dim++) {
      good = index[dim] >= 0 && index[dim] < tensor.size(dim);
    }
    if (!good) {
      throw new IndexOutOfBoundsException("index " + Layout.text(index) + " of " + tensor);
    }
  }

  static void checkLength(long length, Tensor tensor) {
    if (length != tensor.elements()) {
      throw new IllegalArgumentException(
          "data has "
              + length
              + " values; allowed: the "
              + tensor.elements()
              + " elements of "
              + tensor);
    }
  }

  static int checkArraySize(Tensor tensor) {
    if (tensor.elements() > MAX_ARRAY) {
      throw new IllegalArgumentException(
          tensor + " does not fit into a Java array; allowed: " + MAX_ARRAY + " elements or less");
    }
    return (int) tensor.elements();
  }
}
