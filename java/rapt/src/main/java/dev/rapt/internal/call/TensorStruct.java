// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import dev.rapt.DType;
import dev.rapt.QuantizedMatrix;
import dev.rapt.Tensor;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Writes rapt_tensor structs that are fields of other structs, without allocation. */
public final class TensorStruct {
  private static final long DATA = rapt_tensor.data$offset();
  private static final long STRIDE = rapt_tensor.stride$offset();
  private static final long DTYPE = rapt_tensor.dtype$offset();
  private static final int ABSENT = 0;
  private static final int F32 = rapt_h.RAPT_F32();
  private static final int F16 = rapt_h.RAPT_F16();
  private static final int BF16 = rapt_h.RAPT_BF16();
  private static final int BOOL = rapt_h.RAPT_BOOL();
  private static final int I8 = rapt_h.RAPT_I8();
  private static final int I32 = rapt_h.RAPT_I32();
  private static final int I64 = rapt_h.RAPT_I64();
  private static final int Q8_0 = rapt_h.RAPT_Q8_0();
  private static final int Q4_0 = rapt_h.RAPT_Q4_0();

  private TensorStruct() {}

  /** A tensor with its own strides, or absent. */
  public static void write(MemorySegment struct, long field, @Nullable Tensor tensor) {
    if (tensor == null) {
      absent(struct, field);
      return;
    }
    header(struct, field, tensor);
    strides(struct, field, tensor);
  }

  /** The elements of a matrix; where they are blocks, strides count elements. */
  public static void write(MemorySegment struct, long field, QuantizedMatrix matrix) {
    switch (matrix.format()) {
      case Q8_0 -> blocks(struct, field, matrix, Q8_0);
      case Q4_0 -> blocks(struct, field, matrix, Q4_0);
      case I8 -> write(struct, field, matrix.bytes());
    }
  }

  private static void blocks(MemorySegment struct, long field, QuantizedMatrix matrix, int code) {
    struct.set(ValueLayout.JAVA_LONG, field + DATA, matrix.bytes().address());
    struct.set(ValueLayout.JAVA_INT, field + DTYPE, code);
    stride(struct, field, 0, matrix.columns());
    stride(struct, field, 1, 1);
  }

  /** The tensor's own strides. */
  static void strides(MemorySegment struct, long field, Tensor tensor) {
    int rank = tensor.rank();
    for (int dim = 0; dim < rank; dim++) {
      stride(struct, field, dim, tensor.stride(dim));
    }
  }

  /** No tensor; the rest of the field is then ignored. */
  static void absent(MemorySegment struct, long field) {
    struct.set(ValueLayout.JAVA_LONG, field + DATA, 0);
    struct.set(ValueLayout.JAVA_INT, field + DTYPE, ABSENT);
  }

  static void header(MemorySegment struct, long field, Tensor tensor) {
    struct.set(ValueLayout.JAVA_LONG, field + DATA, tensor.address());
    struct.set(ValueLayout.JAVA_INT, field + DTYPE, code(tensor.dtype()));
  }

  static void stride(MemorySegment struct, long field, int dim, long stride) {
    struct.set(ValueLayout.JAVA_LONG, field + STRIDE + 8L * dim, stride);
  }

  private static int code(DType dtype) {
    return switch (dtype) {
      case F32 -> F32;
      case F16 -> F16;
      case BF16 -> BF16;
      case BOOL -> BOOL;
      case I8 -> I8;
      case I32 -> I32;
      case I64 -> I64;
    };
  }
}
