// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.internal.ffi.rapt_head;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Writes the rapt_head that every operation's struct begins with. */
final class HeadStruct {
  private static final long STREAM = rapt_head.stream$offset();

  private HeadStruct() {}

  /** A zeroed struct of an operation with its struct_size. */
  static MemorySegment allocate(Arena arena, MemoryLayout layout, long alignment) {
    MemorySegment call = arena.allocate(layout.byteSize(), alignment);
    rapt_head.struct_size(call, call.byteSize());
    return call;
  }

  /** The stream of a call, or NULL. */
  static void stream(MemorySegment call, MemorySegment stream) {
    call.set(ValueLayout.ADDRESS, STREAM, stream);
  }
}
