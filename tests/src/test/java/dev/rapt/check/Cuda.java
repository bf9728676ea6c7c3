// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.rapt.CudaDevice;
import dev.rapt.Device;
import dev.rapt.Plan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * The CUDA device under test, behind the plug-in that the system property {@code rapt.librapt_cuda}
 * names: Maven names the emulated one, a GPU box the real one. Without the file tests are skipped;
 * with it every failure to open is one.
 */
public final class Cuda {
  private static final Path LIBRARY = Path.of(System.getProperty("rapt.librapt_cuda", "none"));

  private static final String PLANS = System.getProperty("rapt.plans", "");
  private static final Set<String> NOTED = ConcurrentHashMap.newKeySet();
  private static volatile String latest = "";

  private Cuda() {}

  private static final class Shared {
    static final CudaDevice DEVICE = open();
  }

  /** Skips the test where there is no plug-in, and says so. */
  public static void require() {
    if (!Files.exists(LIBRARY)) {
      String reason = "skipped: no CUDA plug-in at " + LIBRARY;
      System.out.println(reason);
      abort(reason);
    }
  }

  /** Makes {@link Device#cuda()} the device under test. */
  public static void use() {
    require();
    System.setProperty("dev.rapt.librapt_cuda", LIBRARY.toString());
  }

  /** A device of its own, which the caller closes. */
  public static CudaDevice open() {
    use();
    return Device.cuda();
  }

  /** The shared device, never closed. */
  public static CudaDevice device() {
    require();
    return Shared.DEVICE;
  }

  /**
   * Some of the cases where the device is emulated, unless {@code -Drapt.cuda.all=true} has the
   * time for all of them.
   */
  public static <T> Stream<T> affordable(Stream<T> all, Stream<T> few) {
    return isEmulated() && !Boolean.getBoolean("rapt.cuda.all") ? few : all;
  }

  /** Whether the device is bookkeeping in host memory: right, but some 10,000 times slower. */
  public static boolean isEmulated() {
    return LIBRARY.getFileName().toString().contains("emulated");
  }

  /**
   * Adds a plan that a test is about to run on the GPU to the file that {@code rapt.plans} names, a
   * name a line: which kernels a run of the matrix is evidence for.
   */
  public static void note(Device device, Plan plan) {
    if (!(device instanceof CudaDevice)) {
      return;
    }
    latest = plan.name();
    if (PLANS.isEmpty() || !NOTED.add(plan.name())) {
      return;
    }
    try {
      Files.writeString(
          Path.of(PLANS), plan.name() + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The name of the plan that was noted last. */
  public static String latestPlan() {
    return latest;
  }

  /** The driver that the device under test works with. */
  @SuppressWarnings("restricted") // a test may
  public static CudaDriver driver() {
    Arena process = Arena.global();
    return new CudaDriver(
        isEmulated()
            ? SymbolLookup.libraryLookup(LIBRARY, process)
            : SymbolLookup.libraryLookup("libcuda.so.1", process));
  }

  /** The environment variables that play the machine, read by the emulated driver at each call. */
  public static void environment(String name, String value) {
    Environment.set(name, value);
  }
}
