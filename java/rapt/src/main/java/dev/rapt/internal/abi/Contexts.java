// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.ffi.rapt_context_info;
import dev.rapt.internal.ffi.rapt_context_options;
import dev.rapt.internal.ffi.rapt_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Opening a rapt_context of any kind. */
final class Contexts {
  private Contexts() {}

  /** A new context; the options lack only their struct_size. */
  static MemorySegment create(Arena arena, MemorySegment options) {
    rapt_context_options.struct_size(options, options.byteSize());
    MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
    CallFrame frame = CallFrame.take();
    try {
      frame.structs().check(rapt_h.rapt_context_create(options, out, frame.structs().error));
      return out.get(ValueLayout.ADDRESS, 0);
    } finally {
      frame.give();
    }
  }

  /** The context's rapt_context_info. */
  static MemorySegment info(Arena arena, MemorySegment context) {
    MemorySegment info = rapt_context_info.allocate(arena);
    rapt_context_info.struct_size(info, info.byteSize());
    CallFrame frame = CallFrame.take();
    try {
      frame.structs().check(rapt_h.rapt_context_get_info(context, info, frame.structs().error));
      return info;
    } finally {
      frame.give();
    }
  }
}
