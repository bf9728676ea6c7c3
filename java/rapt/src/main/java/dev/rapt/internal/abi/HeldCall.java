// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.Tensor;
import dev.rapt.internal.ffi.rapt_h;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * rapt_run_held: runs the call of any operation, and holds its tensors' memory meanwhile.
 *
 * <p>The handle is invoked here because the method of the bindings, which can also trace its
 * arguments, is too long for the compiler to inline.
 */
final class HeldCall {
  private static final MethodHandle RUN_HELD = rapt_h.rapt_run_held$handle();
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
    try {
      return (int)
          RUN_HELD.invokeExact(
              context, operation, call, error, held(t0), held(t1), held(t2), held(t3), held(t4),
              held(t5), held(t6), held(t7), held(t8), held(t9), held(t10), held(t11), held(t12),
              NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE);
    } catch (Error | RuntimeException thrown) {
      throw thrown;
    } catch (Throwable impossible) {
      throw new AssertionError("a downcall throws nothing checked", impossible);
    }
  }

  private static MemorySegment held(@Nullable Tensor tensor) {
    return tensor == null ? NONE : tensor.segment();
  }
}
