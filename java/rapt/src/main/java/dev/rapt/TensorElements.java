// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Elements;

/** Single elements of a host tensor by their index. */
final class TensorElements {
  private TensorElements() {}

  static float get(Tensor tensor, long[] index) {
    TensorChecks.checkFloats(tensor);
    long position = readable(tensor, index);
    try {
      return Elements.read(tensor.segment(), tensor.dtype(), position);
    } catch (IllegalStateException closed) {
      throw Checks.closedMeanwhile(closed, "the tensor", tensor);
    }
  }

  static long getLong(Tensor tensor, long[] index) {
    TensorChecks.checkIntegers(tensor);
    return readLong(tensor, index);
  }

  static boolean getBoolean(Tensor tensor, long[] index) {
    TensorChecks.checkElements(tensor, DType.BOOL);
    return readLong(tensor, index) != 0;
  }

  static void set(Tensor tensor, float value, long[] index) {
    TensorChecks.checkFloats(tensor);
    long position = writable(tensor, index);
    try {
      Elements.write(tensor.segment(), tensor.dtype(), position, value);
    } catch (IllegalStateException closed) {
      throw Checks.closedMeanwhile(closed, "the tensor", tensor);
    }
  }

  static void setLong(Tensor tensor, long value, long[] index) {
    TensorChecks.checkIntegers(tensor);
    writeLong(tensor, value, index);
  }

  static void setBoolean(Tensor tensor, boolean value, long[] index) {
    TensorChecks.checkElements(tensor, DType.BOOL);
    writeLong(tensor, value ? 1 : 0, index);
  }

  private static long readLong(Tensor tensor, long[] index) {
    long position = readable(tensor, index);
    try {
      return Elements.readLong(tensor.segment(), tensor.dtype(), position);
    } catch (IllegalStateException closed) {
      throw Checks.closedMeanwhile(closed, "the tensor", tensor);
    }
  }

  private static void writeLong(Tensor tensor, long value, long[] index) {
    long position = writable(tensor, index);
    try {
      Elements.writeLong(tensor.segment(), tensor.dtype(), position, value);
    } catch (IllegalStateException closed) {
      throw Checks.closedMeanwhile(closed, "the tensor", tensor);
    }
  }

  private static long readable(Tensor tensor, long[] index) {
    TensorChecks.checkIndex(index, tensor);
    TensorChecks.checkAccess("the tensor", tensor);
    return position(tensor, index);
  }

  private static long writable(Tensor tensor, long[] index) {
    TensorChecks.checkIndex(index, tensor);
    TensorChecks.checkWritable("the tensor", tensor);
    return position(tensor, index);
  }

  /** Which element of the segment an index names. */
  static long position(Tensor tensor, long[] index) {
    long position = tensor.offset();
    for (int dim = 0; dim < index.length; dim++) {
      position += index[dim] * tensor.stride(dim);
    }
    return position;
  }
}
