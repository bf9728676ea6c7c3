// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.Tensor;
import dev.rapt.internal.ffi.rapt_h;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** rapt_run_held: runs the call of any operation, and holds its tensors' memory meanwhile. */
final class HeldCall {
  private static final MemorySegment NONE = MemorySegment.NULL;

  private HeldCall() {}

  /** The status of a call that has up to 13 tensors, in any order; null is none. */
  static int run(
      MemorySegment context,
      int operation,
      MemorySegment call,
      MemorySegment error,
      @Nullable Tensor t0,
      @Nullable Tensor t1,
      @Nullable Tensor t2,
      @Nullable Tensor t3,
      @Nullable Tensor t4,
      @Nullable Tensor t5,
      @Nullable Tensor t6,
      @Nullable Tensor t7,
      @Nullable Tensor t8,
      @Nullable Tensor t9,
      @Nullable Tensor t10,
      @Nullable Tensor t11,
      @Nullable Tensor t12) {
    return rapt_h.rapt_run_held(
        context, operation, call, error, held(t0), held(t1), held(t2), held(t3), held(t4), held(t5),
        held(t6), held(t7), held(t8), held(t9), held(t10), held(t11), held(t12), NONE, NONE, NONE,
        NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE);
  }

  private static MemorySegment held(@Nullable Tensor tensor) {
    return tensor == null ? NONE : tensor.segment();
  }
}
