// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.CpuOptions;
import dev.rapt.Isa;
import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.ffi.rapt_context_info;
import dev.rapt.internal.ffi.rapt_context_options;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.natives.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A rapt_context of the CPU. */
public final class CpuBackend extends NativeBackend {
  private final int threads;
  private final Isa isa;

  private CpuBackend(MemorySegment context, int threads, Isa isa) {
    super(context);
    this.threads = threads;
    this.isa = isa;
  }

  /**
   * Creates a context, with {@code threads} of them whatever the options say; throws RaptException
   * where library or tier cannot be used.
   */
  public static CpuBackend open(CpuOptions options, int threads) {
    NativeLibrary.require();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment struct = rapt_context_options.allocate(arena);
      rapt_context_options.device(struct, rapt_h.RAPT_DEVICE_CPU());
      rapt_context_options.threads(struct, threads);
      rapt_context_options.isa(struct, CpuCapabilities.code(options.isa()));
      rapt_context_options.affinity(
          struct,
          options.pinWorkers() ? rapt_h.RAPT_AFFINITY_WORKERS() : rapt_h.RAPT_AFFINITY_NONE());
      MemorySegment context = Contexts.create(arena, struct);
      MemorySegment info = Contexts.info(arena, context);
      Isa isa = CpuCapabilities.isa(rapt_context_info.isa(info));
      return new CpuBackend(
          context, rapt_context_info.threads(info), isa == null ? Isa.PORTABLE : isa);
    }
  }

  /** Threads that work on one call, the calling thread among them. */
  public int threads() {
    return threads;
  }

  /** The tier. */
  public Isa isa() {
    return isa;
  }

  /** How it reads keys and values that come from memory; the first call may try the ways. */
  public String reading() {
    CallFrame frame = CallFrame.take();
    try {
      MemorySegment keys = frame.structs().results.asSlice(0, ValueLayout.JAVA_INT);
      MemorySegment values = frame.structs().results.asSlice(8, ValueLayout.JAVA_INT);
      frame
          .structs()
          .check(rapt_h.rapt_context_get_reading(context(), keys, values, frame.structs().error));
      return "keys by "
          + reading(keys.get(ValueLayout.JAVA_INT, 0))
          + ", values by "
          + reading(values.get(ValueLayout.JAVA_INT, 0));
    } finally {
      frame.give();
    }
  }

  private static String reading(int way) {
    return way == rapt_h.RAPT_READ_STREAMS() ? "streams" : "prefetch";
  }
}
