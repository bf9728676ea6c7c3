// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import dev.rapt.Tensor;
import dev.rapt.internal.ffi.rapt_h;
import java.lang.foreign.MemorySegment;

/**
 * rapt_run_held: runs the call of any operation, and holds its tensors' memory meanwhile.
 *
 * <p>The segments are passed once more, through arguments that the native side ignores: the linker
 * keeps their arenas open until the call returns, so that another thread's close throws instead of
 * pulling the memory from under a kernel.
 */
public final class HeldCall {
  private static final MemorySegment NONE = MemorySegment.NULL;

  private HeldCall() {}

  /** The status of a call whose struct is written. */
  public static int run(MemorySegment context, CallFrame call, MemorySegment struct) {
    int operation = call.table().number();
    MemorySegment error = call.structs().error;
    return rapt_h.rapt_run_held(
        context,
        operation,
        struct,
        error,
        held(call, 0),
        held(call, 1),
        held(call, 2),
        held(call, 3),
        held(call, 4),
        held(call, 5),
        held(call, 6),
        held(call, 7),
        held(call, 8),
        held(call, 9),
        held(call, 10),
        held(call, 11),
        held(call, 12),
        held(call, 13),
        held(call, 14),
        held(call, 15),
        held(call, 16),
        held(call, 17),
        held(call, 18),
        held(call, 19),
        held(call, 20),
        held(call, 21),
        held(call, 22),
        held(call, 23));
  }

  private static MemorySegment held(CallFrame call, int slot) {
    Tensor tensor = call.tensor(slot);
    return tensor == null ? NONE : tensor.segment();
  }
}
