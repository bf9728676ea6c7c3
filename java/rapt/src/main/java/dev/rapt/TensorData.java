// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Elements;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * What a host tensor holds, to and from Java arrays, which are row-major, other tensors, and single
 * numbers. To the loops a Java array is one more layout of the tensor's shape.
 */
final class TensorData {
  private TensorData() {}

  static Tensor copyOf(Arena arena, DType dtype, float[] data, long[] shape) {
    Tensor tensor = Tensor.allocate(arena, dtype, shape);
    copy(data, tensor);
    return tensor;
  }

  static Tensor copyOf(Arena arena, boolean[] data, long[] shape) {
    Tensor tensor = Tensor.allocate(arena, DType.BOOL, shape);
    copy(data, tensor);
    return tensor;
  }

  static Tensor copyOf(Arena arena, byte[] data, long[] shape) {
    Tensor tensor = Tensor.allocate(arena, DType.I8, shape);
    copy(data, tensor);
    return tensor;
  }

  static Tensor copyOf(Arena arena, int[] data, long[] shape) {
    Tensor tensor = Tensor.allocate(arena, DType.I32, shape);
    copy(data, tensor);
    return tensor;
  }

  static Tensor copyOf(Arena arena, DType dtype, short[] bits, long[] shape) {
    TensorChecks.checkSixteenBits(Objects.requireNonNull(dtype, "dtype"));
    Tensor tensor = Tensor.allocate(arena, dtype, shape);
    copy(bits, tensor);
    return tensor;
  }

  static Tensor copyOf(Arena arena, long[] data, long[] shape) {
    Tensor tensor = Tensor.allocate(arena, DType.I64, shape);
    copy(data, tensor);
    return tensor;
  }

  static float[] floats(Tensor tensor) {
    TensorChecks.checkFloats(tensor);
    float[] data = new float[TensorChecks.checkArraySize(tensor)];
    read(tensor, MemorySegment.ofArray(data), DType.F32);
    return data;
  }

  static byte[] bytes(Tensor tensor) {
    TensorChecks.checkElements(tensor, DType.I8);
    return rawBytes(tensor);
  }

  static short[] shorts(Tensor tensor) {
    TensorChecks.checkElements(tensor, DType.F16, DType.BF16);
    short[] data = new short[TensorChecks.checkArraySize(tensor)];
    read(tensor, MemorySegment.ofArray(data), tensor.dtype());
    return data;
  }

  static int[] ints(Tensor tensor) {
    TensorChecks.checkElements(tensor, DType.I32);
    int[] data = new int[TensorChecks.checkArraySize(tensor)];
    read(tensor, MemorySegment.ofArray(data), DType.I32);
    return data;
  }

  static long[] longs(Tensor tensor) {
    TensorChecks.checkIntegers(tensor);
    long[] data = new long[TensorChecks.checkArraySize(tensor)];
    read(tensor, MemorySegment.ofArray(data), DType.I64);
    return data;
  }

  static boolean[] booleans(Tensor tensor) {
    TensorChecks.checkElements(tensor, DType.BOOL);
    byte[] bytes = rawBytes(tensor);
    boolean[] data = new boolean[bytes.length];
    for (int i = 0; i < data.length; i++) {
      data[i] = bytes[i] != 0;
    }
    return data;
  }

  private static byte[] rawBytes(Tensor tensor) {
    byte[] data = new byte[TensorChecks.checkArraySize(tensor)];
    read(tensor, MemorySegment.ofArray(data), tensor.dtype());
    return data;
  }

  static void copy(float[] data, Tensor tensor) {
    TensorChecks.checkFloats(tensor);
    write(MemorySegment.ofArray(data), DType.F32, data.length, tensor);
  }

  static void copy(byte[] data, Tensor tensor) {
    TensorChecks.checkElements(tensor, DType.I8);
    write(MemorySegment.ofArray(data), DType.I8, data.length, tensor);
  }

  static void copy(short[] data, Tensor tensor) {
    TensorChecks.checkElements(tensor, DType.F16, DType.BF16);
    write(MemorySegment.ofArray(data), tensor.dtype(), data.length, tensor);
  }

  static void copy(int[] data, Tensor tensor) {
    TensorChecks.checkElements(tensor, DType.I32);
    write(MemorySegment.ofArray(data), DType.I32, data.length, tensor);
  }

  static void copy(long[] data, Tensor tensor) {
    TensorChecks.checkIntegers(tensor);
    write(MemorySegment.ofArray(data), DType.I64, data.length, tensor);
  }

  static void copy(boolean[] data, Tensor tensor) {
    TensorChecks.checkElements(tensor, DType.BOOL);
    byte[] bytes = new byte[data.length];
    for (int i = 0; i < data.length; i++) {
      bytes[i] = (byte) (data[i] ? 1 : 0);
    }
    write(MemorySegment.ofArray(bytes), DType.BOOL, data.length, tensor);
  }

  static void copy(Tensor source, Tensor target) {
    TensorChecks.checkCopy(source, target);
    if (sameView(source, target)) {
      return;
    }
    try {
      if (Overlap.possible(source, target)) {
        try (Arena arena = Arena.ofConfined()) {
          Tensor read = contiguousCopy(arena, source);
          copy("source", Strided.of(read), Strided.of(target), target);
        }
      } else {
        copy("source", Strided.of(source), Strided.of(target), target);
      }
    } catch (IllegalStateException closed) {
      throw Checks.closedMeanwhile(
          Checks.closedMeanwhile(closed, "target", target), "source", source);
    }
  }

  static Tensor contiguousCopy(Arena arena, Tensor tensor) {
    return toType(arena, tensor.dtype(), tensor);
  }

  static Tensor toType(Arena arena, DType dtype, Tensor tensor) {
    TensorChecks.checkAccess("the tensor", tensor);
    Tensor copy = Tensor.allocate(arena, dtype, tensor.shape());
    try {
      copy("the tensor", Strided.of(tensor), Strided.of(copy), copy);
    } catch (IllegalStateException closed) {
      throw Checks.closedMeanwhile(
          Checks.closedMeanwhile(closed, "the copy", copy), "the tensor", tensor);
    }
    return copy;
  }

  static void fill(Tensor tensor, float value) {
    TensorChecks.checkFloats(tensor);
    MemorySegment one = MemorySegment.ofArray(new long[1]);
    Elements.write(one, tensor.dtype(), 0, value);
    fill(tensor, one);
  }

  static void fill(Tensor tensor, long value) {
    TensorChecks.checkIntegers(tensor);
    MemorySegment one = MemorySegment.ofArray(new long[1]);
    Elements.writeLong(one, tensor.dtype(), 0, value);
    fill(tensor, one);
  }

  private static void fill(Tensor tensor, MemorySegment one) {
    TensorChecks.checkWritable("the tensor", tensor);
    Strided repeated = Strided.repeated(one, tensor.dtype(), tensor.shape());
    copyOnly("value", repeated, Strided.of(tensor), tensor);
  }

  private static void read(Tensor tensor, MemorySegment array, DType dtype) {
    TensorChecks.checkAccess("the tensor", tensor);
    copyOnly("the tensor", Strided.of(tensor), Strided.of(array, dtype, tensor.shape()), tensor);
  }

  private static void write(MemorySegment array, DType dtype, long length, Tensor tensor) {
    TensorChecks.checkLength(length, tensor);
    TensorChecks.checkTarget("the tensor", tensor);
    copyOnly("data", Strided.of(array, dtype, tensor.shape()), Strided.of(tensor), tensor);
  }

  /** Copies where this tensor's memory is the only one that can be closed. */
  private static void copyOnly(String name, Strided source, Strided target, Tensor tensor) {
    try {
      copy(name, source, target, tensor);
    } catch (IllegalStateException closed) {
      throw Checks.closedMeanwhile(closed, "the tensor", tensor);
    }
  }

  private static void copy(String name, Strided source, Strided target, Tensor tensor) {
    if (tensor.elements() == 0) {
      return;
    }
    if (source.dtype() == target.dtype()) {
      BitCopy.copy(source, target, tensor.shape());
    } else {
      Conversion.copy(name, source, target, tensor.shape());
    }
  }

  /** Whether two tensors of one shape name the same elements by the same indices. */
  private static boolean sameView(Tensor a, Tensor b) {
    boolean same = a.dtype() == b.dtype() && a.address() == b.address();
    for (int dim = 0; same && dim < a.rank(); dim++) {
      same = a.size(dim) == 1 || a.stride(dim) == b.stride(dim);
    }
    return same;
  }
}
