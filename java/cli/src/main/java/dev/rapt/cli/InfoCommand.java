// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.Capabilities;
import dev.rapt.CudaDevice;
import dev.rapt.Device;
import dev.rapt.Isa;
import dev.rapt.RaptException;
import dev.rapt.cli.terminal.Printable;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** {@code rapt info}: devices, tiers and versions of this machine, and why something is missing. */
@Command(
    name = "info",
    description =
        "Lists devices, instruction-set tiers and versions, and why something is unavailable.",
    mixinStandardHelpOptions = true,
    versionProvider = VersionProvider.class)
final class InfoCommand implements Runnable {
  /** A loader's reason may be a page long. */
  private static final int LINE_WIDTH = 120;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Override
  public void run() {
    PrintWriter out = spec.commandLine().getOut();
    Capabilities capabilities = Capabilities.probe();
    versions(out, capabilities);
    devices(out, capabilities);
    tiers(out, capabilities);
  }

  private static void versions(PrintWriter out, Capabilities capabilities) {
    out.println("Versions");
    line(out, "rapt", VersionProvider.version());
    line(
        out,
        "native library",
        capabilities.nativeAvailable()
            ? capabilities.version()
                + ", ABI "
                + capabilities.abiVersion()
                + ", from "
                + capabilities.nativeSource()
            : "none");
    line(out, "Java", Runtime.version() + ", " + System.getProperty("java.vm.name"));
    line(
        out,
        "system",
        System.getProperty("os.name")
            + " "
            + System.getProperty("os.version")
            + " "
            + System.getProperty("os.arch"));
    String processor = capabilities.cpu().name().isEmpty() ? "" : capabilities.cpu().name() + ", ";
    line(out, "processor", processor + capabilities.cpu().logicalCpus() + " logical CPUs");
    if (capabilities.cpu().caches() != null) {
      line(out, "caches", caches(capabilities.cpu().caches()));
    }
  }

  private static String caches(Capabilities.Caches caches) {
    return "L1 "
        + kibibytes(caches.l1())
        + ", L2 "
        + kibibytes(caches.l2())
        + ", L3 "
        + kibibytes(caches.l3());
  }

  private static String kibibytes(long bytes) {
    return (bytes >> 10) + " KiB";
  }

  private static void devices(PrintWriter out, Capabilities capabilities) {
    out.println();
    out.println("Devices");
    Isa isa = capabilities.cpu().defaultIsa();
    line(
        out,
        "cpu",
        capabilities.nativeAvailable() && isa != null
            ? "available, tier " + name(isa)
            : "unavailable: " + whyNoCpu());
    if (capabilities.nativeAvailable() && isa != null) {
      try (Device cpu = Device.cpu()) {
        cpu.reading().ifPresent(way -> line(out, "decode", "reads " + way));
      } catch (RaptException unusable) {
        line(out, "decode", "unknown: " + unusable.getMessage());
      }
    }
    line(out, "java", "available: the pure Java reference, slow");
    cuda(out, capabilities);
  }

  private static void cuda(PrintWriter out, Capabilities capabilities) {
    if (!capabilities.nativeAvailable()) {
      line(out, "cuda", "unavailable: it needs the native library");
      return;
    }
    CudaDevice.Found found;
    try {
      found = CudaDevice.find();
    } catch (RaptException refused) {
      found = new CudaDevice.Found(Optional.empty(), refused.getMessage());
    }
    if (found.device().isEmpty()) {
      out.println(shorten(format("cuda", "unavailable: " + found.reason())));
      return;
    }
    try (CudaDevice device = found.device().get()) {
      line(out, "cuda", "available: " + device.description());
      List<String> lines = device.selfCheck().lines().toList();
      line(out, "self-check", lines.getFirst());
      lines.stream().skip(1).forEach(failed -> line(out, "", "left out: " + failed));
    }
  }

  /** Opens the device itself: the library may be usable and yet RAPT_ISA name a tier it lacks. */
  private static String whyNoCpu() {
    try (Device device = Device.cpu()) {
      return "no default tier, " + device.description();
    } catch (RaptException e) {
      return e.getMessage();
    }
  }

  private static void tiers(PrintWriter out, Capabilities capabilities) {
    out.println();
    out.println("Tiers of the cpu device");
    if (!capabilities.nativeAvailable()) {
      out.println("  none without the native library");
      return;
    }
    for (Capabilities.Tier tier : capabilities.cpu().tiers()) {
      line(out, name(tier.isa()), describe(tier, capabilities.cpu().defaultIsa()));
    }
  }

  private static String describe(Capabilities.Tier tier, @Nullable Isa defaultIsa) {
    if (!tier.usable()) {
      return "unavailable: " + tier.reason();
    }
    return tier.isa() == defaultIsa ? "available, the default" : "available";
  }

  private static String name(Isa isa) {
    return isa.name().toLowerCase(Locale.ROOT);
  }

  private static void line(PrintWriter out, String name, String value) {
    out.println(format(name, value));
  }

  private static String format(String name, String value) {
    return String.format(
        Locale.ROOT, "  %-15s %s", name, Printable.line(value.strip().replaceAll("\\s+", " ")));
  }

  /** Cut between two words; whoever asks for the device itself gets the whole reason. */
  private static String shorten(String line) {
    if (line.length() <= LINE_WIDTH) {
      return line;
    }
    int blank = line.lastIndexOf(' ', LINE_WIDTH - 2);
    return line.substring(0, blank) + " …";
  }
}
