// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.abi.CpuCapabilities;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What Rapt can do on this machine, and the reason for each thing that it cannot. Immutable.
 *
 * {@snippet :
 * Capabilities found = Capabilities.probe();
 * String why = found.nativeAvailable() ? found.cpu().name() : found.nativeReason();
 * }
 *
 * @param nativeAvailable whether the native library is loaded and fits this Java library
 * @param nativeReason why the native library is not available; empty where it is
 * @param nativeSource where the native library was loaded from; empty where it was not
 * @param version the native library's version; empty without one
 * @param abiVersion the native library's ABI version; 0 without one
 * @param cpu the processor
 * @param cudaReason why CUDA is not available; empty where it is
 */
public record Capabilities(
    boolean nativeAvailable,
    String nativeReason,
    String nativeSource,
    String version,
    int abiVersion,
    Cpu cpu,
    String cudaReason) {
  /**
   * The processor.
   *
   * @param name the processor's own name; empty without a native library
   * @param logicalCpus logical CPUs that this process may keep busy: the least of its affinity
   *     mask, the CPU quotas of its control groups (rounded up) and {@link
   *     Runtime#availableProcessors()}
   * @param defaultIsa the tier that {@link Device#cpu()} takes, {@code RAPT_ISA} included; null
   *     where there is none
   * @param bestIsa the best tier that library, processor and operating system support; null without
   *     a native library
   * @param caches the data caches; null without a native library
   * @param tiers every tier, worst to best
   */
  public record Cpu(
      String name,
      int logicalCpus,
      @Nullable Isa defaultIsa,
      @Nullable Isa bestIsa,
      @Nullable Caches caches,
      List<Tier> tiers) {
    /** Copies the list. */
    public Cpu {
      tiers = List.copyOf(tiers);
    }
  }

  /**
   * The data caches that the geometry of calls follows. They choose in which order memory is read,
   * never the bits of a result.
   *
   * @param l1 bytes of a core's own first level
   * @param l2 bytes of the second level that one core may count on
   * @param l3 bytes of one last-level cache; {@code l2} where there is no third level
   */
  public record Caches(long l1, long l2, long l3) {}

  /**
   * One instruction-set tier.
   *
   * @param isa the tier
   * @param usable whether this machine and library can run it
   * @param reason why they cannot; empty where they can
   */
  public record Tier(Isa isa, boolean usable, String reason) {}

  /** Asks the native library and the plug-in, without opening a device. Never throws. */
  public static Capabilities probe() {
    return CpuCapabilities.probe();
  }
}
