// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Elements;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What a host tensor holds, row-major, to and from Java arrays. */
final class TensorData {
  private TensorData() {}

  /** Takes the elements one by one. */
  private interface Visitor {
    /** Element {@code i} in row-major order lies at element {@code position} of the segment. */
    void element(long i, long position);
  }

  private static void each(Tensor tensor, Visitor visitor) {
    long[] index = new long[tensor.rank()];
    for (long i = 0; i < tensor.elements(); i++) {
      visitor.element(i, tensor.position(index));
      for (int dim = index.length - 1; dim >= 0 && ++index[dim] == tensor.size(dim); dim--) {
        index[dim] = 0;
      }
    }
  }

  static float[] floats(Tensor tensor) {
    TensorChecks.checkFloats(tensor);
    MemorySegment segment = tensor.segment();
    float[] data = new float[TensorChecks.checkArraySize(tensor)];
    if (tensor.isContiguous() && tensor.dtype() == DType.F32) {
      MemorySegment.copy(
          segment, ValueLayout.JAVA_FLOAT, 4 * tensor.offset(), data, 0, data.length);
    } else {
      each(tensor, (i, at) -> data[(int) i] = Elements.read(segment, tensor.dtype(), at));
    }
    return data;
  }

  static void copy(float[] data, Tensor tensor) {
    TensorChecks.checkFloats(tensor);
    TensorChecks.checkLength(data.length, tensor);
    MemorySegment segment = tensor.segment();
    if (tensor.isContiguous() && tensor.dtype() == DType.F32) {
      MemorySegment.copy(
          data, 0, segment, ValueLayout.JAVA_FLOAT, 4 * tensor.offset(), data.length);
    } else {
      each(tensor, (i, at) -> Elements.write(segment, tensor.dtype(), at, data[(int) i]));
    }
  }

  static void copy(boolean[] data, Tensor tensor) {
    TensorChecks.checkLength(data.length, tensor);
    MemorySegment segment = tensor.segment();
    each(tensor, (i, at) -> segment.set(ValueLayout.JAVA_BYTE, at, (byte) (data[(int) i] ? 1 : 0)));
  }

  static byte[] bytes(Tensor tensor) {
    TensorChecks.checkElements(tensor, DType.I8);
    MemorySegment segment = tensor.segment();
    byte[] data = new byte[TensorChecks.checkArraySize(tensor)];
    if (tensor.isContiguous()) {
      MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, tensor.offset(), data, 0, data.length);
    } else {
      each(tensor, (i, at) -> data[(int) i] = segment.get(ValueLayout.JAVA_BYTE, at));
    }
    return data;
  }

  static void copy(byte[] data, Tensor tensor) {
    TensorChecks.checkElements(tensor, DType.I8);
    TensorChecks.checkLength(data.length, tensor);
    MemorySegment segment = tensor.segment();
    if (tensor.isContiguous()) {
      MemorySegment.copy(data, 0, segment, ValueLayout.JAVA_BYTE, tensor.offset(), data.length);
    } else {
      each(tensor, (i, at) -> segment.set(ValueLayout.JAVA_BYTE, at, data[(int) i]));
    }
  }

  static long[] longs(Tensor tensor) {
    TensorChecks.checkElements(tensor, DType.I64);
    MemorySegment segment = tensor.segment();
    long[] data = new long[TensorChecks.checkArraySize(tensor)];
    each(tensor, (i, at) -> data[(int) i] = Elements.readLong(segment, at));
    return data;
  }

  static void copy(long[] data, Tensor tensor) {
    TensorChecks.checkElements(tensor, DType.I64);
    TensorChecks.checkLength(data.length, tensor);
    MemorySegment segment = tensor.segment();
    each(tensor, (i, at) -> Elements.writeLong(segment, at, data[(int) i]));
  }

  /** The same bits in another place. */
  static Tensor contiguousCopy(Arena arena, Tensor tensor) {
    Tensor copy = Tensor.allocate(arena, tensor.dtype(), tensor.shape());
    MemorySegment segment = tensor.segment();
    int bytes = tensor.dtype().bytes();
    each(
        tensor,
        (i, at) -> MemorySegment.copy(segment, at * bytes, copy.segment(), i * bytes, bytes));
    return copy;
  }
}
