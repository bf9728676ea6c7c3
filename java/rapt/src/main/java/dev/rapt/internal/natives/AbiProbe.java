// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.natives;

import dev.rapt.internal.ffi.rapt_append;
import dev.rapt.internal.ffi.rapt_capabilities;
import dev.rapt.internal.ffi.rapt_context_info;
import dev.rapt.internal.ffi.rapt_context_options;
import dev.rapt.internal.ffi.rapt_error;
import dev.rapt.internal.ffi.rapt_gelu;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_head;
import dev.rapt.internal.ffi.rapt_linear;
import dev.rapt.internal.ffi.rapt_linear_parameters;
import dev.rapt.internal.ffi.rapt_merge;
import dev.rapt.internal.ffi.rapt_mha;
import dev.rapt.internal.ffi.rapt_norm;
import dev.rapt.internal.ffi.rapt_plan;
import dev.rapt.internal.ffi.rapt_rope;
import dev.rapt.internal.ffi.rapt_sdpa;
import dev.rapt.internal.ffi.rapt_sdpa_options;
import dev.rapt.internal.ffi.rapt_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.util.List;

/**
 * Whether the loaded library was compiled from the headers that the bindings were generated from.
 */
public final class AbiProbe {
  private AbiProbe() {}

  /** The layouts of all structs, each named as in C. */
  public static List<MemoryLayout> structs() {
    return List.of(
        rapt_error.layout(),
        rapt_capabilities.layout(),
        rapt_context_options.layout(),
        rapt_context_info.layout(),
        rapt_tensor.layout(),
        rapt_head.layout(),
        rapt_plan.layout(),
        rapt_sdpa_options.layout(),
        rapt_sdpa.layout(),
        rapt_rope.layout(),
        rapt_linear_parameters.layout(),
        rapt_linear.layout(),
        rapt_mha.layout(),
        rapt_merge.layout(),
        rapt_gelu.layout(),
        rapt_norm.layout(),
        rapt_append.layout());
  }

  /** Compares version and sizes; a test compares every field's offset. */
  static void check() {
    int version = rapt_h.rapt_abi_version();
    if (version != rapt_h.RAPT_ABI_VERSION()) {
      throw new UnsatisfiedLinkError(
          "the native library has ABI version "
              + version
              + "; this Java library needs "
              + rapt_h.RAPT_ABI_VERSION());
    }
    try (Arena arena = Arena.ofConfined()) {
      for (MemoryLayout struct : structs()) {
        String name = struct.name().orElseThrow();
        long size = rapt_h.rapt_struct_size(arena.allocateFrom(name));
        if (size != struct.byteSize()) {
          throw new UnsatisfiedLinkError(
              "the native library's "
                  + name
                  + " has "
                  + size
                  + " bytes; this Java library needs "
                  + struct.byteSize());
        }
      }
    }
  }
}
