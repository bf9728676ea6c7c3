// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import dev.rapt.Isa;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The instructions that everybody is held to, so that a CPU with more of them can say what one with
 * fewer would see.
 */
public enum Restraint {
  /** Everybody takes what the CPU has. */
  NONE,
  /** Rapt's AVX2 tier against peers that may take AVX2 and FMA. */
  AVX2;

  /** The restraint that an option names. */
  public static Restraint of(String text) {
    for (Restraint restraint : values()) {
      if (restraint.id().equals(text.toLowerCase(Locale.ROOT))) {
        return restraint;
      }
    }
    throw new IllegalArgumentException(
        "nobody can be held to " + text + "; there are " + NONE.id() + " and " + AVX2.id());
  }

  /** How options and files call it. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Rapt's tier; null where the device chooses. */
  public @Nullable Isa tier() {
    return this == NONE ? null : Isa.AVX2;
  }

  /** Flags of a JVM whose own compilers are held too: plain Java is a peer. */
  List<String> jvmFlags() {
    return this == NONE ? List.of() : List.of("-XX:UseAVX=2");
  }

  /**
   * The switches of Rapt and of all peers that have one, whoever of them a process loads. ONNX
   * Runtime has none: its matrix library asks the CPU itself.
   */
  public Map<String, String> environment() {
    return this == NONE
        ? Map.of()
        : Map.of(
            "RAPT_ISA", "avx2",
            "ATEN_CPU_CAPABILITY", "avx2",
            "ONEDNN_MAX_CPU_ISA", "AVX2",
            "MKL_ENABLE_INSTRUCTIONS", "AVX2",
            "OPENBLAS_CORETYPE", "Haswell");
  }
}
