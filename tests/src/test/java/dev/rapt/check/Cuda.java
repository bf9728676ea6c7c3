// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.rapt.Attention;
import dev.rapt.CudaDevice;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.RaptException;
import dev.rapt.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * The CUDA device under test, behind the plug-in that the system property {@code rapt.cuda.library}
 * names: Maven names the emulated one, a GPU box the real one. Without the file tests are skipped;
 * with it every failure to open is one.
 */
public final class Cuda {
  private static final Path LIBRARY = Path.of(System.getProperty("rapt.cuda.library", "none"));

  private Cuda() {}

  private static final class Shared {
    static final CudaDevice DEVICE = open();
    static final String REASON = whyNoKernels(DEVICE);
  }

  /** Skips the test where there is no plug-in, and says so. */
  public static void require() {
    if (!Files.exists(LIBRARY)) {
      String reason = "skipped: no CUDA plug-in at " + LIBRARY;
      System.out.println(reason);
      abort(reason);
    }
  }

  /** A device of its own, which the caller closes. */
  public static CudaDevice open() {
    require();
    System.setProperty("dev.rapt.cuda.library", LIBRARY.toString());
    return Device.cuda();
  }

  /** The shared device, never closed. */
  public static CudaDevice device() {
    require();
    return Shared.DEVICE;
  }

  /** Skips the test on a plug-in that was built without kernels, and says so. */
  public static void requireKernels() {
    require();
    String reason = Shared.REASON;
    if (!reason.isEmpty()) {
      System.out.println("skipped: " + reason);
      abort(reason);
    }
  }

  private static String whyNoKernels(CudaDevice device) {
    try (DeviceMemory memory = device.allocate(4)) {
      Tensor one = memory.tensor(DType.F32, 1, 1, 1, 1);
      Attention.builder().build().plan(device, one, one, one);
      return "";
    } catch (RaptException refused) {
      if (refused.getMessage().contains("has no kernels")) {
        return refused.getMessage();
      }
      throw refused;
    }
  }

  /** Some of the cases, where all of them would take days. */
  public static <T> Stream<T> affordable(Stream<T> all, Stream<T> few) {
    return isEmulated() ? few : all;
  }

  /** Whether the device is bookkeeping in host memory: right, but some 10,000 times slower. */
  public static boolean isEmulated() {
    return LIBRARY.getFileName().toString().contains("emulated");
  }

  /** The environment variables that play the machine, read by the emulated driver at each call. */
  public static void environment(String name, String value) {
    Environment.set(name, value);
  }
}
