// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

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

  /** The dimensions {@code from} (inclusive) to {@code to} (exclusive). */
  Tensor tensor(int from, int to) {
    return Tensor.of(
        memory,
        offset,
        dtype,
        Arrays.copyOfRange(sizes, from, to),
        Arrays.copyOfRange(strides, from, to));
  }

  /** Broadcast dimensions as 1 instead of repeated by a stride of 0, or left out at the front. */
  Tensor unexpanded() {
    if (memory.byteSize() == 0) {
      return tensor(0, RANK);
    }
    int first = 0;
    while (first < RANK - 1 && strides[first] == 0) {
      first++;
    }
    long[] shape = Arrays.copyOfRange(sizes, first, RANK);
    long[] steps = Arrays.copyOfRange(strides, first, RANK);
    for (int i = 0; i < shape.length; i++) {
      shape[i] = steps[i] == 0 ? 1 : shape[i];
    }
    return Tensor.of(memory, offset, dtype, shape, steps);
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
