// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rapt.Capabilities;
import dev.rapt.Device;
import dev.rapt.RaptException;
import dev.rapt.api.FreshJvm.Outcome;
import dev.rapt.check.Cuda;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What happens once per JVM, in a JVM of its own: loading and falling back. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class FreshJvmTest {
  @TempDir Path temp;

  /** What the fresh JVM runs for CUDA: opens the first GPU and prints what comes of it. */
  public static final class CudaProbe {
    private CudaProbe() {}

    public static void main(String[] args) {
      try (Device device = Device.cuda()) {
        System.out.println("device: " + device.description());
      } catch (RaptException refused) {
        System.out.println("refused: " + refused.status() + ": " + refused.getMessage());
      }
      System.out.println("reason: " + Capabilities.probe().cudaReason());
    }
  }

  private Outcome java(Map<String, String> environment, String... arguments) throws Exception {
    return new FreshJvm(temp).java(environment, arguments);
  }

  private static String[] probe(String... options) {
    List<String> all = new ArrayList<>(List.of(options));
    all.addAll(List.of("-cp", FreshJvm.CLASS_PATH, Probe.class.getName()));
    return all.toArray(String[]::new);
  }

  @Test
  void unpacksAndRuns() throws Exception {
    Outcome outcome =
        java(Map.of(), probe("--enable-native-access=ALL-UNNAMED", "--illegal-native-access=deny"));
    assertTrue(outcome.stdout().contains("native: true"), outcome.toString());
    assertTrue(outcome.stdout().contains("device: CPU "), outcome.toString());
    assertTrue(outcome.stdout().contains("output: [1.0, 2.0]"), outcome.toString());
    assertEquals("", outcome.stderr());
    assertTrue(Files.isDirectory(temp.resolve("cache/rapt")));
  }

  @Test
  void fallsBackInOneLine() throws Exception {
    Outcome outcome = java(Map.of(), probe("-Ddev.rapt.librapt=/nowhere/librapt.so"));
    String reason = "dev.rapt.librapt=/nowhere/librapt.so: no such file";
    assertTrue(outcome.stdout().contains("native: false"), outcome.toString());
    assertTrue(outcome.stdout().contains("device: Java reference"), outcome.toString());
    assertTrue(outcome.stdout().contains(reason), outcome.toString());
    assertTrue(outcome.stdout().contains("output: [1.0, 2.0]"), outcome.toString());
    assertTrue(outcome.stderr().contains(reason), "logged: " + outcome);
    assertEquals(
        1, outcome.stderr().lines().filter(line -> line.contains(reason)).count(), "one line");
  }

  @Test
  void namesTheFlagThatNativeAccessNeeds() throws Exception {
    Outcome outcome = java(Map.of(), probe("--illegal-native-access=deny"));
    assertTrue(outcome.stdout().contains("--enable-native-access=ALL-UNNAMED"), outcome.toString());
    assertTrue(outcome.stdout().contains("output: [1.0, 2.0]"), outcome.toString());
  }

  @Test
  void refusesATierThatDoesNotExistInsteadOfFallingBack() throws Exception {
    Outcome outcome =
        java(Map.of("RAPT_ISA", "avx1024"), probe("--enable-native-access=ALL-UNNAMED"));
    assertTrue(outcome.stdout().contains("refused: "), outcome.toString());
    assertTrue(outcome.stdout().contains("avx1024"), outcome.toString());
  }

  @Test
  void takesATierInAnyCase() throws Exception {
    for (String name : new String[] {"PORTABLE", "Portable"}) {
      Outcome outcome = java(Map.of("RAPT_ISA", name), probe("--enable-native-access=ALL-UNNAMED"));
      assertTrue(outcome.stdout().contains("device: CPU portable"), outcome.toString());
    }
  }

  /** What a JVM in a container that has one CPU's worth of time counts. */
  @Test
  void startsNoMoreThreadsThanTheJvmCountsProcessors() throws Exception {
    Outcome outcome =
        java(
            Map.of("RAPT_ISA", "portable"),
            probe("-XX:ActiveProcessorCount=1", "--enable-native-access=ALL-UNNAMED"));
    assertTrue(outcome.stdout().contains("device: CPU portable, 1 thread"), outcome.toString());
    assertFalse(outcome.stdout().contains("1 threads"), outcome.toString());
    Outcome more =
        java(
            Map.of("RAPT_ISA", "portable"),
            probe("-XX:ActiveProcessorCount=2000", "--enable-native-access=ALL-UNNAMED"));
    int cpus = Capabilities.probe().cpu().logicalCpus();
    String threads = cpus == 1 ? "1 thread," : cpus + " threads,";
    assertTrue(more.stdout().contains("device: CPU portable, " + threads), more.toString());
  }

  private Outcome cudaProbe(String library, String driver) throws Exception {
    return cudaProbe(library, driver, FreshJvm.CLASS_PATH);
  }

  private Outcome cudaProbe(String library, String driver, String classPath) throws Exception {
    return java(
        Map.of("RAPT_CUDA_LIBRARY", "", "RAPT_EMULATED_DRIVER", driver),
        "--enable-native-access=ALL-UNNAMED",
        "--illegal-native-access=deny",
        "-Ddev.rapt.librapt_cuda=" + library,
        "-cp",
        classPath,
        CudaProbe.class.getName());
  }

  @Test
  void saysWhereThePlugInIsMissing() throws Exception {
    Outcome beside = cudaProbe("", "");
    assertTrue(beside.stdout().startsWith("refused: DEVICE_UNAVAILABLE"), beside.toString());
    assertTrue(beside.stdout().contains("librapt_cuda.so"), beside.toString());
    String jar = "the jar with classifier linux-x86_64-cuda13 is not on the class path";
    assertTrue(beside.stdout().lines().allMatch(line -> line.contains(jar)), beside.toString());
    Outcome named = cudaProbe("/nowhere/librapt_cuda.so", "");
    assertTrue(named.stdout().startsWith("refused: DEVICE_UNAVAILABLE"), named.toString());
    assertTrue(named.stdout().contains("/nowhere/librapt_cuda.so"), named.toString());
  }

  /** A jar's worth of resources on the class path, with the emulated device's plug-in in it. */
  @Test
  void findsThePlugInInItsJar() throws Exception {
    Cuda.require();
    assumeTrue(Cuda.isEmulated(), "what a real plug-in finds is the machine's business");
    Path library = Path.of(System.getProperty("rapt.librapt_cuda"));
    Path folder = Files.createDirectories(temp.resolve("jar/META-INF/rapt/linux-x86_64-cuda13"));
    Files.copy(library, folder.resolve("librapt_cuda.so"));
    byte[] hash = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(library));
    Path properties = folder.resolve("natives.properties");
    String text = "library=librapt_cuda.so\nsha256=" + HexFormat.of().formatHex(hash) + "\n";
    Files.writeString(properties, text);
    String classPath = FreshJvm.CLASS_PATH + File.pathSeparator + temp.resolve("jar");
    Outcome opened = cudaProbe("", "", classPath);
    assertTrue(opened.stdout().startsWith("device: CUDA 0, emulated GPU 0"), opened.toString());
    assertTrue(opened.stdout().contains("reason: \n"), opened.toString());
    assertEquals("", opened.stderr());
    Files.writeString(properties, text.replaceFirst("sha256=....", "sha256=0000"));
    Outcome tampered = cudaProbe("", "", classPath);
    assertTrue(tampered.stdout().startsWith("refused: DEVICE_UNAVAILABLE"), tampered.toString());
    assertTrue(tampered.stdout().contains("instead of 0000"), tampered.toString());
  }

  @Test
  void saysWhatTheDriverLacks() throws Exception {
    Cuda.require();
    assumeTrue(Cuda.isEmulated(), "a real machine has the driver it has");
    String library = System.getProperty("rapt.librapt_cuda");
    Map<String, String> reasons =
        Map.of(
            "none", "no NVIDIA driver is installed",
            "old", "the NVIDIA driver is too old",
            "turing", "has compute capability 7.5");
    for (Map.Entry<String, String> reason : reasons.entrySet()) {
      Outcome refused = cudaProbe(library, reason.getKey());
      assertTrue(refused.stdout().startsWith("refused: DEVICE_UNAVAILABLE"), refused.toString());
      assertTrue(refused.stdout().contains(reason.getValue()), refused.toString());
    }
    Outcome opened = cudaProbe(library, "");
    assertTrue(opened.stdout().startsWith("device: CUDA 0, emulated GPU 0"), opened.toString());
  }
}
