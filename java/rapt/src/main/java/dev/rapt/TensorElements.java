// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Elements;

/** Single elements of a host tensor by their index. */
final class TensorElements {
  private TensorElements() {}

  static float get(Tensor tensor, long[] index) {
    TensorChecks.checkFloats(tensor);
    return Elements.read(tensor.segment(), tensor.dtype(), readable(tensor, index));
  }

  static long getLong(Tensor tensor, long[] index) {
    TensorChecks.checkElements(tensor, DType.I32, DType.I64);
    return Elements.readLong(tensor.segment(), tensor.dtype(), readable(tensor, index));
  }

  static boolean getBoolean(Tensor tensor, long[] index) {
    TensorChecks.checkElements(tensor, DType.BOOL);
    return Elements.readLong(tensor.segment(), DType.BOOL, readable(tensor, index)) != 0;
  }

  static void set(Tensor tensor, float value, long[] index) {
    TensorChecks.checkFloats(tensor);
    Elements.write(tensor.segment(), tensor.dtype(), writable(tensor, index), value);
  }

  static void setLong(Tensor tensor, long value, long[] index) {
    TensorChecks.checkElements(tensor, DType.I32, DType.I64);
    Elements.writeLong(tensor.segment(), tensor.dtype(), writable(tensor, index), value);
  }

  static void setBoolean(Tensor tensor, boolean value, long[] index) {
    TensorChecks.checkElements(tensor, DType.BOOL);
    Elements.writeLong(tensor.segment(), DType.BOOL, writable(tensor, index), value ? 1 : 0);
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
