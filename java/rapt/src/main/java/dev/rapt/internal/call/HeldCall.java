// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import dev.rapt.internal.ffi.rapt_h;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/**
 * rapt_run_held: runs the call of any operation, and holds its tensors' memory meanwhile.
 *
 * <p>A segment of every arena is passed once more, through arguments that the native side ignores:
 * the linker keeps their arenas open until the call returns, so that another thread's close throws
 * instead of pulling the memory from under a kernel. An argument costs nanoseconds, so one for each
 * arena is passed and not one for each tensor.
 */
public final class HeldCall {
  private static final MethodHandle ONE = holding(1);
  private static final int FEW = 4;
  private static final MethodHandle FOUR = holding(FEW);
  private static final MethodHandle MOST = holding(CallFrame.SLOTS);

  private HeldCall() {}

  private static MethodHandle holding(int segments) {
    MemoryLayout[] layouts = new MemoryLayout[segments];
    Arrays.fill(layouts, rapt_h.C_POINTER);
    return rapt_h.rapt_run_held.makeInvoker(layouts).handle();
  }

  /** The status of a call whose struct is written. */
  public static int run(MemorySegment context, CallFrame call, MemorySegment struct) {
    Structs structs = call.structs();
    MemorySegment[] held = structs.held;
    int count = hold(call, held);
    int operation = call.table().number();
    try {
      if (count == 1) {
        return (int) ONE.invokeExact(context, operation, struct, structs.error, held[0]);
      }
      if (count <= FEW) {
        return (int)
            FOUR.invokeExact(
                context, operation, struct, structs.error, held[0], held[1], held[2], held[3]);
      }
      return (int)
          MOST.invokeExact(
              context,
              operation,
              struct,
              structs.error,
              held[0],
              held[1],
              held[2],
              held[3],
              held[4],
              held[5],
              held[6],
              held[7],
              held[8],
              held[9],
              held[10],
              held[11],
              held[12],
              held[13],
              held[14],
              held[15],
              held[16],
              held[17],
              held[18],
              held[19],
              held[20],
              held[21],
              held[22],
              held[23]);
    } catch (Error | RuntimeException failure) {
      throw failure;
    } catch (Throwable impossible) {
      throw new AssertionError("a downcall has no checked exceptions", impossible);
    } finally {
      Arrays.fill(held, 0, count, MemorySegment.NULL);
    }
  }

  /** Collects a segment of each arena; returns how many there are. */
  private static int hold(CallFrame call, MemorySegment[] held) {
    int count = 0;
    for (int left = call.present(); left != 0; left &= left - 1) {
      MemorySegment segment = call.required(Integer.numberOfTrailingZeros(left)).segment();
      if (!holds(held, count, segment.scope())) {
        held[count++] = segment;
      }
    }
    return count;
  }

  private static boolean holds(MemorySegment[] held, int count, MemorySegment.Scope scope) {
    for (int i = 0; i < count; i++) {
      if (held[i].scope() == scope) {
        return true;
      }
    }
    return false;
  }
}
