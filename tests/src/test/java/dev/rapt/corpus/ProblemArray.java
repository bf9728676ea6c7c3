// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One array of a problem, always of four dimensions, in memory of exactly what its layout names.
 *
 * @param strides in elements, 0 where the dimension is broadcast
 * @param offset the element of the memory that index (0, 0, 0, 0) names
 */
record ProblemArray(DType dtype, long[] sizes, long[] strides, long offset, MemorySegment memory) {
  static final int RANK = 4;
  private static final int CANARY = -1;
  private static final int F32_INFINITY = 0x7f800000;
  private static final int F16_INFINITY = 0x7c00;
  private static final int BF16_INFINITY = 0x7f80;

  /** These dimensions, outermost first. */
  Tensor tensor(int... dims) {
    long[] shape = new long[dims.length];
    long[] steps = new long[dims.length];
    for (int i = 0; i < dims.length; i++) {
      shape[i] = sizes[dims[i]];
      steps[i] = strides[dims[i]];
    }
    return Tensor.of(memory, offset, dtype, shape, steps);
  }

  /** The last {@code rank} dimensions. */
  Tensor last(int rank) {
    int[] dims = new int[rank];
    for (int i = 0; i < rank; i++) {
      dims[i] = RANK - rank + i;
    }
    return tensor(dims);
  }

  /** As {@code array_hash} of array.c: goes on from {@code hash} with all memory, gaps included. */
  static long hash(ProblemArray array, long hash) {
    long bytes = array == null ? 0 : array.memory.byteSize();
    long all = bytes == 0 ? hash : array.hashElements(hash);
    long last = mix(all, bytes);
    return last ^ last >>> 32;
  }

  private long hashElements(long start) {
    long hash = start;
    long bytes = memory.byteSize();
    if (dtype == DType.F32) {
      for (long at = 0; at < bytes; at += Integer.BYTES) {
        int bits = memory.get(ValueLayout.JAVA_INT_UNALIGNED, at);
        boolean isNan = (bits & Integer.MAX_VALUE) > F32_INFINITY && bits != CANARY;
        hash = mix(hash, Integer.toUnsignedLong(isNan ? 0x7fc00000 : bits));
      }
      return hash;
    }
    int infinity = dtype == DType.F16 ? F16_INFINITY : BF16_INFINITY;
    for (long at = 0; at < bytes; at += Short.BYTES) {
      short bits = memory.get(ValueLayout.JAVA_SHORT_UNALIGNED, at);
      boolean isNan = (bits & Short.MAX_VALUE) > infinity && bits != CANARY;
      hash = mix(hash, isNan ? Short.MAX_VALUE : Short.toUnsignedLong(bits));
    }
    return hash;
  }

  private static long mix(long hash, long word) {
    long mixed = (hash ^ word) * 0x9e3779b97f4a7c15L;
    return mixed ^ mixed >>> 29;
  }
}
