// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.CpuOptions;
import dev.rapt.Device;
import dev.rapt.Isa;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that choose a device, the same in every command. */
final class DeviceOptions {
  enum Kind {
    BEST,
    CPU,
    JAVA;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description =
          "best, cpu (native kernels) or java (pure Java, slow). Default: ${DEFAULT-VALUE}",
      defaultValue = "best")
  private Kind kind = Kind.BEST;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "threads of the CPU device; 0 = one per core. Default: ${DEFAULT-VALUE}",
      defaultValue = "0")
  private int threads;

  @Option(
      names = "--isa",
      paramLabel = "TIER",
      description =
          "force a tier of the CPU device: ${COMPLETION-CANDIDATES}. Default: the best one")
  private @Nullable Isa isa;

  /** Opens the device; the caller closes it. */
  Device open() {
    if (threads < 0) {
      throw CliException.usage("--threads must be 0 or more, not " + threads);
    }
    boolean tuned = threads != 0 || isa != null;
    return switch (kind) {
      case JAVA -> {
        if (tuned) {
          throw CliException.usage(
              "--threads and --isa belong to the CPU device, not to --device java");
        }
        yield Device.java();
      }
      case CPU -> Device.cpu(options());
      // A forced tier or thread count that does not work is an error, not a reason to run something
      // else.
      case BEST -> tuned ? Device.cpu(options()) : Device.best();
    };
  }

  private CpuOptions options() {
    CpuOptions options = CpuOptions.defaults().withThreads(threads);
    return isa == null ? options : options.withIsa(isa);
  }
}
