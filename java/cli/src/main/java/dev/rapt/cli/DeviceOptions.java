// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.CpuOptions;
import dev.rapt.Device;
import dev.rapt.Isa;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The options that choose a device, the same in every command. */
final class DeviceOptions {
  enum Kind {
    BEST,
    CPU,
    CUDA,
    JAVA
  }

  @Option(
      names = "--device",
      paramLabel = "NAME",
      converter = KindConverter.class,
      description =
          "best, cpu (native kernels), cuda (the first NVIDIA GPU) or java (pure Java, slow)."
              + " Default: ${DEFAULT-VALUE}",
      defaultValue = "best")
  private Kind kind = Kind.BEST;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description =
          "threads of the CPU device; 0 = one for each logical CPU that may be used. Default:"
              + " ${DEFAULT-VALUE}",
      defaultValue = "0")
  private int threads;

  @Option(
      names = "--isa",
      paramLabel = "TIER",
      converter = IsaConverter.class,
      description =
          "force a tier of the CPU device: portable, avx2, avx512 or avx512bf16."
              + " Default: the one that RAPT_ISA names, else the best one")
  private @Nullable Isa isa;

  /** Opens the device; the caller closes it. */
  Device open() {
    if (threads < 0) {
      throw CliException.usage("--threads must be 0 or more, not " + threads);
    }
    boolean tuned = threads != 0 || isa != null;
    return switch (kind) {
      case JAVA -> {
        refuseTuning(tuned);
        yield Device.java();
      }
      case CUDA -> {
        refuseTuning(tuned);
        yield Device.cuda();
      }
      case CPU -> Device.cpu(options());
      // Where a forced tier or thread count does not work, the command fails and does not fall
      // back.
      case BEST -> tuned ? Device.cpu(options()) : Device.best();
    };
  }

  /** The same for a command that no GPU runs, which is known before any is looked for. */
  Device openOnHost(String command) {
    if (kind == Kind.CUDA) {
      throw CliException.usage(
          "--device cuda is not for " + command + "; allowed: best, cpu, java");
    }
    return open();
  }

  private void refuseTuning(boolean tuned) {
    if (tuned) {
      throw CliException.usage(
          "--threads and --isa belong to the CPU device, not to --device "
              + kind.name().toLowerCase(Locale.ROOT));
    }
  }

  private CpuOptions options() {
    return CpuOptions.builder().threads(threads).isa(isa).build();
  }

  static final class KindConverter implements ITypeConverter<Kind> {
    @Override
    public Kind convert(String value) {
      return constant(Kind.values(), "device", value);
    }
  }

  static final class IsaConverter implements ITypeConverter<Isa> {
    @Override
    public Isa convert(String value) {
      return constant(Isa.values(), "tier", value);
    }
  }

  /** Finds a constant by name; picocli's own message lists them in capitals and as "values". */
  private static <E extends Enum<E>> E constant(E[] constants, String what, String value) {
    for (E constant : constants) {
      if (constant.name().equalsIgnoreCase(value)) {
        return constant;
      }
    }
    String names =
        Stream.of(constants)
            .map(constant -> constant.name().toLowerCase(Locale.ROOT))
            .collect(Collectors.joining(", "));
    throw new TypeConversionException("unknown " + what + " '" + value + "'; allowed: " + names);
  }
}
