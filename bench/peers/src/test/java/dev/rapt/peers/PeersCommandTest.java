// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.peers.contest.Restraint;
import dev.rapt.peers.contest.Session;
import dev.rapt.peers.contest.World;
import dev.rapt.peers.report.CaseResult;
import dev.rapt.peers.report.Figure.Outcome;
import dev.rapt.peers.report.Results;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command, from its options to the files it leaves, with real worker processes. */
class PeersCommandTest {
  @TempDir private Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  /** Stands in for the native benchmark, which another module builds. */
  @BeforeEach
  void standIn() throws IOException {
    Path bench = folder.resolve("rapt-bench");
    Files.writeString(
        bench,
        """
        #!/bin/sh
        echo '{"command": "ceilings", "gflops": 100, "gbps": 10}'
        while read -r line; do echo '{"gbps_1": 9, "gbps_2": 12, "gbps_4": 11}'; done
        """);
    assertTrue(bench.toFile().setExecutable(true));
    System.setProperty(PeersCommand.BENCH_PROPERTY, bench.toString());
    System.setProperty(PeersCommand.ROOT_PROPERTY, folder.toString());
  }

  @AfterEach
  void restore() {
    System.clearProperty(PeersCommand.BENCH_PROPERTY);
    System.clearProperty(PeersCommand.ROOT_PROPERTY);
  }

  @Test
  void aRunLeavesResultsThatAnotherAddsTo() throws IOException {
    run(0, "--shapes", "minilm", "--dtypes", "f32", "--seconds", "0.3", "--against", "onnxruntime");
    run(
        0,
        "--shapes=minilm",
        "--dtypes=f16",
        "--seconds=0.3",
        "--against=onnxruntime,java",
        "--threads=2",
        "--add");
    Path results = folder.resolve("bench/results");
    try (var files = Files.list(results)) {
      assertEquals(4, files.count(), "JSON, table and two charts");
    }
    Path json = file(results, ".json");
    Results read = Results.read(json);
    assertEquals(2, read.cases().size());
    CaseResult first = read.cases().getFirst();
    assertEquals(100, first.peaks().peakGflops());
    assertEquals(Outcome.TIMED, first.peer("ORT Attention").orElseThrow().outcome());
    assertTrue(first.repetition().rounds() >= 3);
    CaseResult second = read.cases().getLast();
    assertEquals(2, second.threads());
    // Once in each process: both worlds had somebody to compare with.
    assertEquals(2, second.figures().stream().filter(f -> f.name().equals(Session.RAPT)).count());
    assertTrue(second.peer("plain Java").orElseThrow().ratio().median() > 0);
    assertTrue(Files.readString(file(results, ".md")).contains("| minilm |"));
  }

  @Test
  void shapesAreListed() {
    run(0, "--list", "--shapes", "decode-*");
    assertTrue(out.toString().startsWith("decode-1k "), out::toString);
  }

  @Test
  void wrongUsageIsNamed() {
    run(2, "--shapes", "none");
    run(2, "--dtypes", "f64");
    run(2, "--against", "numpy");
    run(2, "--threads", "0");
    run(2, "--isa", "sse2");
    run(2, "--onnxruntime", "/nowhere");
    run(2, "--no-such-option");
    for (String word :
        new String[] {"none", "f64", "numpy", "positive", "sse2", "/nowhere", "--no-such-option"}) {
      assertTrue(err.toString().contains(word), err::toString);
    }
  }

  @Test
  void withoutItsLibrariesLibtorchIsNotAsked() {
    run(1, "--shapes", "tiny", "--against", "libtorch-mkl");
    assertTrue(err.toString().contains("./rapt bench --peers"), err::toString);
  }

  @Test
  void aBenchmarkThatGivesNoCeilingsIsAFailure() throws IOException {
    Files.writeString(folder.resolve("rapt-bench"), "#!/bin/sh\necho '{}'\n");
    run(1, "--shapes=tiny", "--dtypes=f32", "--against=java");
    assertTrue(err.toString().contains("no figures"), err::toString);
  }

  @Test
  void aShellsTuningDoesNotReachThePeers() {
    Map<String, String> environment =
        new HashMap<>(
            Map.of("PATH", "/bin", "OPENBLAS_CORETYPE", "Haswell", "OMP_NUM_THREADS", "9"));
    WorkerProcess.tune(environment, World.LIBTORCH_OPENBLAS, 2, Restraint.NONE);
    assertEquals(
        Map.of(
            "PATH", "/bin",
            "OMP_NUM_THREADS", "2",
            "OMP_WAIT_POLICY", "PASSIVE",
            "OPENBLAS_NUM_THREADS", "2"),
        environment);
  }

  /** Worker processes start with the switches, and Rapt's plan and the JVM show that they took. */
  @Test
  void everybodyIsHeldToAvx2() throws IOException {
    run(
        0,
        "--shapes=minilm",
        "--dtypes=f32",
        "--seconds=0.3",
        "--against=onnxruntime,java",
        "--isa=avx2");
    Path json = file(folder.resolve("bench/results"), "-peers-avx2.json");
    Results results = Results.read(json);
    assertEquals("avx2", results.held().isa());
    assertTrue(results.held().kernels().get("onnxruntime").contains("nothing holds it down"));
    CaseResult first = results.cases().getFirst();
    assertTrue(first.rapt().orElseThrow().detail().contains("_avx2_"), first::toString);
    // The other instruction sets' figures do not go into this file.
    run(2, "--shapes=tiny", "--dtypes=f32", "--add", "--name", name(json), "--against=java");
    assertTrue(err.toString().contains("measured with --isa avx2"), err::toString);
  }

  private static String name(Path json) {
    return json.getFileName().toString().replace(".json", "");
  }

  @Test
  void thePeersSwitchesReplaceThoseOfTheShell() {
    Map<String, String> environment =
        new HashMap<>(Map.of("OPENBLAS_CORETYPE", "SkylakeX", "DNNL_MAX_CPU_ISA", "ALL"));
    WorkerProcess.tune(environment, World.LIBTORCH_OPENBLAS, 1, Restraint.AVX2);
    assertEquals("Haswell", environment.get("OPENBLAS_CORETYPE"));
    assertEquals("avx2", environment.get("ATEN_CPU_CAPABILITY"));
    assertEquals("avx2", environment.get("RAPT_ISA"));
    assertFalse(environment.containsKey("DNNL_MAX_CPU_ISA"));
  }

  private void run(int expected, String... arguments) {
    int code = Main.execute(new PrintWriter(out, true), new PrintWriter(err, true), arguments);
    assertEquals(expected, code, () -> out + "\n" + err);
  }

  private static Path file(Path folder, String suffix) throws IOException {
    try (var files = Files.list(folder)) {
      return files.filter(path -> path.toString().endsWith(suffix)).findFirst().orElseThrow();
    }
  }
}
