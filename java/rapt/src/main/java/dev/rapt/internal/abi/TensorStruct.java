// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.internal.Broadcast;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Writes rapt_tensor structs that are fields of a call's struct, without allocation. */
final class TensorStruct {
  private static final long DATA = rapt_tensor.data$offset();
  private static final long STRIDE = rapt_tensor.stride$offset();
  private static final long DTYPE = rapt_tensor.dtype$offset();
  private static final int ABSENT = 0;
  private static final int F32 = rapt_h.RAPT_F32();
  private static final int F16 = rapt_h.RAPT_F16();
  private static final int BF16 = rapt_h.RAPT_BF16();
  private static final int BOOL = rapt_h.RAPT_BOOL();
  private static final int I8 = rapt_h.RAPT_I8();
  private static final int I64 = rapt_h.RAPT_I64();

  private TensorStruct() {}

  /** A tensor with the call's own shape, right-aligned in {@code rank} dimensions. */
  static void write(MemorySegment call, long field, Tensor tensor, int rank) {
    header(call, field, tensor.address(), tensor.dtype());
    int missing = rank - tensor.rank();
    for (int dim = 0; dim < rank; dim++) {
      stride(call, field, dim, dim < missing ? 0 : tensor.stride(dim - missing));
    }
  }

  /** As {@link #write}, or absent. */
  static void writeOptional(MemorySegment call, long field, @Nullable Tensor tensor, int rank) {
    if (tensor == null) {
      absent(call, field);
    } else {
      write(call, field, tensor, rank);
    }
  }

  /** A tensor that broadcasts to the call's shape of {@code rank} dimensions, or absent. */
  static void broadcast(MemorySegment call, long field, @Nullable Tensor tensor, int rank) {
    if (tensor == null) {
      absent(call, field);
      return;
    }
    header(call, field, tensor.address(), tensor.dtype());
    for (int dim = 0; dim < rank; dim++) {
      stride(call, field, dim, Broadcast.stride(tensor, dim, rank));
    }
  }

  /** A contiguous tensor (d0, d1, d2, d3) that is only planned with, and lies nowhere. */
  static void imagine(MemorySegment call, long field, DType dtype, long d1, long d2, long d3) {
    header(call, field, 0, dtype);
    stride(call, field, 0, d1 * d2 * d3);
    stride(call, field, 1, d2 * d3);
    stride(call, field, 2, d3);
    stride(call, field, 3, 1);
  }

  /** No tensor; the rest of the struct is then ignored. */
  static void absent(MemorySegment call, long field) {
    call.set(ValueLayout.JAVA_LONG, field + DATA, 0);
    call.set(ValueLayout.JAVA_INT, field + DTYPE, ABSENT);
  }

  static void stride(MemorySegment call, long field, int dim, long stride) {
    call.set(ValueLayout.JAVA_LONG, field + STRIDE + 8L * dim, stride);
  }

  private static void header(MemorySegment call, long field, long address, DType dtype) {
    call.set(ValueLayout.JAVA_LONG, field + DATA, address);
    call.set(ValueLayout.JAVA_INT, field + DTYPE, code(dtype));
  }

  private static int code(DType dtype) {
    return switch (dtype) {
      case F32 -> F32;
      case F16 -> F16;
      case BF16 -> BF16;
      case BOOL -> BOOL;
      case I8 -> I8;
      case I64 -> I64;
    };
  }
}
