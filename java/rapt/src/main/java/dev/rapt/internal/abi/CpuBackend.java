// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.CpuOptions;
import dev.rapt.Isa;
import dev.rapt.Tensor;
import dev.rapt.internal.call.PackedWeights;
import dev.rapt.internal.ffi.rapt_context_info;
import dev.rapt.internal.ffi.rapt_context_options;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.natives.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A rapt_context of the CPU. */
public final class CpuBackend extends NativeBackend {
  private final int threads;
  private final Isa isa;

  private CpuBackend(MemorySegment context, int threads, Isa isa) {
    super(context);
    this.threads = threads;
    this.isa = isa;
  }

  /** Creates a context; throws RaptException where library or tier cannot be used. */
  public static CpuBackend open(CpuOptions options) {
    NativeLibrary.require();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment struct = rapt_context_options.allocate(arena);
      rapt_context_options.device(struct, rapt_h.RAPT_DEVICE_CPU());
      rapt_context_options.threads(struct, options.threads());
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

  /**
   * Packs copies, which nobody else can free meanwhile: this call, unlike those on the hot path,
   * has no arguments that would hold the caller's arena.
   */
  @Override
  public PackedWeights pack(Tensor weight, @Nullable Tensor bias) {
    try (Arena arena = Arena.ofConfined()) {
      return super.pack(copy(arena, weight), bias == null ? null : copy(arena, bias));
    }
  }

  private static Tensor copy(Arena arena, Tensor tensor) {
    Tensor copy = Tensor.allocate(arena, tensor.dtype(), tensor.shape());
    for (long row = 0; row < tensor.size(0); row++) {
      copy.slice(0, row, row + 1).copyFrom(tensor.slice(0, row, row + 1).toFloatArray());
    }
    return copy;
  }
}
