// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.abi.CpuBackend;
import dev.rapt.internal.abi.CpuCapabilities;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/** The CPU through the native library. */
final class CpuDevice extends Device {
  private final CpuBackend backend;
  private final int threads;
  private final Isa isa;
  private final String description;

  private CpuDevice(CpuBackend backend, String cpuName) {
    super(backend);
    this.backend = backend;
    threads = backend.threads();
    isa = backend.isa();
    description =
        "CPU "
            + isa.name().toLowerCase(Locale.ROOT)
            + (threads == 1 ? ", 1 thread" : ", " + threads + " threads")
            + (cpuName.isEmpty() ? "" : ", " + cpuName);
  }

  static CpuDevice open(CpuOptions options) {
    Objects.requireNonNull(options, "options");
    Capabilities.Cpu cpu = CpuCapabilities.probe().cpu();
    int threads = options.threads();
    if (threads == 0) {
      threads = Math.min(cpu.logicalCpus(), CpuOptions.MAX_THREADS);
    }
    return new CpuDevice(CpuBackend.open(options, threads), cpu.name());
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public int threads() {
    return threads;
  }

  @Override
  public Optional<String> reading() {
    enter();
    try {
      return Optional.of(backend.reading());
    } finally {
      exit();
    }
  }

  @Override
  public Optional<Isa> isa() {
    return Optional.of(isa);
  }
}
