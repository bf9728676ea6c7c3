// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import dev.rapt.CpuOptions;
import dev.rapt.Device;
import dev.rapt.Isa;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A backend under test: the pure Java reference, or one tier of the native kernels. */
public enum Tier {
  JAVA(null),
  PORTABLE(Isa.PORTABLE),
  AVX2(Isa.AVX2, "avx2", "fma", "f16c"),
  AVX512(Isa.AVX512, "avx512f", "avx512bw", "avx512dq", "avx512vl"),
  AVX512BF16(Isa.AVX512BF16, "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_bf16");

  /** More than one, and not a divisor of the usual head and block counts. */
  public static final int SEVERAL_THREADS = 3;

  // Devices stay open for the whole test run: threads are started once, not once per case.
  private static final Map<String, Device> OPEN = new ConcurrentHashMap<>();

  private final Isa isa;
  private final Set<String> cpuFlags;

  Tier(Isa isa, String... cpuFlags) {
    this.isa = isa;
    this.cpuFlags = Set.of(cpuFlags);
  }

  /**
   * The tiers this machine must be able to run. Asked of the operating system, not of the library,
   * so that a tier the library loses is a failure and not a skipped test. {@code -Drapt.tier=AVX2}
   * leaves one.
   */
  public static List<Tier> usable() {
    String only = System.getProperty("rapt.tier");
    if (only != null) {
      return List.of(valueOf(only));
    }
    Set<String> flags = cpuFlags();
    return Arrays.stream(values()).filter(tier -> flags.containsAll(tier.cpuFlags)).toList();
  }

  /**
   * The usable tiers that a case is worth running on: all, where it runs kernels that AVX512BF16
   * has for itself. Every other kernel of that tier is the very function of the tier below (the
   * native tiers_test compares the tables), so that one case in sixteen will do.
   */
  public static List<Tier> worth(Object testCase, boolean runsOwnKernels) {
    boolean all = runsOwnKernels || testCase.toString().hashCode() % 16 == 0;
    return System.getProperty("rapt.tier") != null
        ? usable()
        : usable().stream().filter(tier -> all || tier != AVX512BF16).toList();
  }

  /** The native tiers among {@link #usable()}. */
  public static List<Tier> usableNative() {
    return usable().stream().filter(tier -> tier != JAVA).toList();
  }

  /** A new device of this tier, which the caller closes. */
  public Device open(int threads) {
    return this == JAVA
        ? Device.java()
        : Device.cpu(CpuOptions.builder().isa(isa).threads(threads).build());
  }

  /** The shared device of this tier, with one thread. */
  public Device device() {
    return device(1);
  }

  /** The shared device of this tier with that many threads; never closed. */
  public Device device(int threads) {
    return OPEN.computeIfAbsent(this + "/" + threads, name -> open(threads));
  }

  private static Set<String> cpuFlags() {
    try {
      return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
          .filter(line -> line.startsWith("flags"))
          .findFirst()
          .map(
              line ->
                  Set.copyOf(
                      Arrays.asList(line.substring(line.indexOf(':') + 1).trim().split("\\s+"))))
          .orElse(Set.of());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
