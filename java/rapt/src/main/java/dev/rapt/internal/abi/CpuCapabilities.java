// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.Capabilities;
import dev.rapt.Capabilities.Caches;
import dev.rapt.Capabilities.Cpu;
import dev.rapt.Capabilities.Tier;
import dev.rapt.Isa;
import dev.rapt.internal.ffi.rapt_capabilities;
import dev.rapt.internal.ffi.rapt_error;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.natives.CudaLibrary;
import dev.rapt.internal.natives.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What the native library says about itself and this machine. */
public final class CpuCapabilities {
  private CpuCapabilities() {}

  /** Never throws: what cannot be found out becomes a reason. */
  public static Capabilities probe() {
    String failure = NativeLibrary.failure();
    if (!failure.isEmpty()) {
      return unavailable(failure);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment struct = rapt_capabilities.allocate(arena);
      MemorySegment error = rapt_error.allocate(arena);
      rapt_capabilities.struct_size(struct, struct.byteSize());
      rapt_error.struct_size(error, error.byteSize());
      int status = rapt_h.rapt_get_capabilities(struct, error);
      if (status != rapt_h.RAPT_OK()) {
        return unavailable(rapt_error.message(error).getString(0));
      }
      return new Capabilities(
          true,
          "",
          NativeLibrary.source(),
          rapt_capabilities.version(struct).getString(0),
          rapt_capabilities.abi_version(struct),
          new Cpu(
              rapt_capabilities.cpu_name(struct).getString(0),
              Math.min(rapt_capabilities.logical_cpus(struct), javaCpus()),
              isa(rapt_capabilities.default_isa(struct)),
              isa(rapt_capabilities.best_isa(struct)),
              new Caches(
                  rapt_capabilities.l1_bytes(struct),
                  rapt_capabilities.l2_bytes(struct),
                  rapt_capabilities.l3_bytes(struct)),
              Stream.of(Isa.values()).map(CpuCapabilities::tier).toList()),
          cudaReason(rapt_capabilities.cuda_reason(struct).getString(0)));
    }
  }

  private static Tier tier(Isa isa) {
    MemorySegment unusable = rapt_h.rapt_isa_unusable(code(isa));
    boolean usable = unusable.equals(MemorySegment.NULL);
    return new Tier(isa, usable, usable ? "" : unusable.getString(0));
  }

  /** The native library knows nothing of properties and jars. */
  private static String cudaReason(String ofNativeLibrary) {
    CudaLibrary.Found library = CudaLibrary.find();
    if (!library.path().isEmpty()) {
      return CudaBackend.unavailable();
    }
    return CudaBackend.withFailure(ofNativeLibrary, library);
  }

  private static Capabilities unavailable(String reason) {
    return new Capabilities(
        false,
        reason,
        NativeLibrary.source(),
        "",
        0,
        new Cpu(
            "",
            javaCpus(),
            null,
            null,
            null,
            Stream.of(Isa.values()).map(isa -> new Tier(isa, false, reason)).toList()),
        reason);
  }

  /** What the JVM counts: less than the library does where -XX:ActiveProcessorCount says so. */
  private static int javaCpus() {
    return Runtime.getRuntime().availableProcessors();
  }

  /** RAPT_ISA_* of a tier; null is RAPT_ISA_AUTO. */
  static int code(@Nullable Isa isa) {
    return switch (isa) {
      case null -> rapt_h.RAPT_ISA_AUTO();
      case PORTABLE -> rapt_h.RAPT_ISA_PORTABLE();
      case AVX2 -> rapt_h.RAPT_ISA_AVX2();
      case AVX512 -> rapt_h.RAPT_ISA_AVX512();
      case AVX512BF16 -> rapt_h.RAPT_ISA_AVX512BF16();
    };
  }

  /** The tier of RAPT_ISA_*, or null. */
  static @Nullable Isa isa(int code) {
    for (Isa isa : Isa.values()) {
      if (code(isa) == code) {
        return isa;
      }
    }
    return null;
  }
}
