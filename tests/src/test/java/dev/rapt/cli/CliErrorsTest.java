// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.check.Cuda;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever goes wrong: one line on standard error, the right exit code, nothing on standard output.
 */
class CliErrorsTest {
  @TempDir private Path directory;

  static Stream<Arguments> usageErrors() {
    return Stream.of(
        usage("a command is missing"),
        usage("'explode'", "explode"),
        usage("TEXT", "explain"),
        usage("TEXT is empty", "explain", ""),
        usage("TEXT is empty", "explain", "  \t "),
        usage("TEXT has nothing in it that the model reads", "explain", "\u00a0\u3000"),
        usage("TEXT has nothing in it that the model reads", "explain", "\0\u200d\u0301"),
        usage("'two'", "explain", "one", "two"),
        usage("--layer must be 0 to 5, not 6", "explain", "x", "--layer", "6"),
        usage("--layer must be 0 to 5, not -1", "explain", "x", "--layer", "-1"),
        usage("--head must be 0 to 11, not 12", "explain", "x", "--head", "12"),
        usage("--head", "explain", "x", "--head", "eleven"),
        usage("--no-such-option", "explain", "x", "--no-such-option"),
        usage(
            "unknown device 'tpu'; allowed: best, cpu, cuda, java",
            "explain",
            "x",
            "--device",
            "tpu"),
        usage("--threads must be 0 or more, not -3", "explain", "x", "--threads", "-3"),
        usage(
            "unknown tier 'mmx'; allowed: portable, avx2, avx512, avx512bf16",
            "explain",
            "x",
            "--isa",
            "mmx"),
        usage("not to --device java", "explain", "x", "--device", "java", "--threads", "2"),
        usage("not to --device cuda", "explain", "x", "--device", "cuda", "--isa", "avx2"),
        usage("FILE", "embed"),
        usage("does not exist", "embed", "no-such-file.txt"),
        usage("not a regular file", "embed", "."),
        usage("best, cpu, cuda, java", "embed", "no-such-file.txt", "--device", "quantum"));
  }

  private static Arguments usage(String expected, String... args) {
    return Arguments.of(expected, args);
  }

  @ParameterizedTest(name = "{1}: {0}")
  @MethodSource("usageErrors")
  void wrongUsageIsExitCode2(String expected, String[] args) {
    String[] all = args;
    if (args.length > 1 && args[0].equals("explain")) {
      all =
          Stream.concat(Stream.of(args), Stream.of("--out", directory.toString()))
              .toArray(String[]::new);
    }
    check(2, expected, Cli.run(all));
  }

  @Test
  void emptyFilesAreRefused() throws IOException {
    Path file = directory.resolve("empty.txt");
    Files.writeString(file, "");
    check(2, "no line with text", Cli.run("embed", file.toString()));
    Files.writeString(file, "\n  \n\t\n");
    check(2, "no line with text", Cli.run("embed", file.toString()));
  }

  @Test
  void filesThatAreNotTextAreRefused() throws IOException {
    Path file = directory.resolve("binary");
    Files.write(file, new byte[] {'a', (byte) 0xff, (byte) 0xfe, '\n'});
    check(1, "not UTF-8", Cli.run("embed", file.toString()));
  }

  @Test
  void theInputIsNotOverwritten() throws IOException {
    Path file = directory.resolve("lines.txt");
    Files.writeString(file, "one line\n");
    check(
        2, "must not name the input", Cli.run("embed", file.toString(), "--out", file.toString()));
    assertEquals("one line\n", Files.readString(file));
  }

  @Test
  void outputThatCannotBeWrittenIsAFailure() throws IOException {
    Path file = directory.resolve("lines.txt");
    Files.writeString(file, "one line\n");
    Path missing = directory.resolve("no/such/folder/out.jsonl");
    Cli unwritten = Cli.run("embed", file.toString(), "--out", missing.toString());
    check(1, "cannot write", unwritten);
    check(1, "the folder " + missing.getParent() + " does not exist", unwritten);
    Path below = file.resolve("out.jsonl");
    check(
        1,
        "the folder " + file + " is a file",
        Cli.run("embed", file.toString(), "--out", below.toString()));
    check(1, "it is a folder", Cli.run("embed", file.toString(), "--out", directory.toString()));
    check(1, "cannot create the folder", Cli.run("explain", "x", "--out", file.toString()));
  }

  @Test
  void helpAndVersionAreNoErrors() {
    for (String[] args :
        new String[][] {{"--help"}, {"help", "explain"}, {"explain", "--help"}, {"--version"}}) {
      Cli result = Cli.run(args);
      assertEquals(0, result.code(), String.join(" ", args));
      assertFalse(result.out().isBlank());
      assertEquals("", result.err());
    }
  }

  @Test
  void infoNamesEveryDeviceAndTier() {
    Cli result = Cli.run("info");
    assertEquals(0, result.code(), result.err());
    for (String name :
        new String[] {
          "cpu ", "java ", "cuda ", "portable ", "avx2 ", "avx512 ", "avx512bf16 ", "ABI "
        }) {
      assertTrue(result.out().contains(name), name + result.out());
    }
  }

  @Test
  void infoSaysWhereCudaStands() {
    Cuda.use();
    String usable = Cli.run("info").out();
    assertTrue(usable.contains("cuda            available: CUDA 0, "), usable);
    assertTrue(usable.matches("(?s).*\\n  self-check      (\\d+) of \\1 passed, .*"), usable);
    System.setProperty("dev.rapt.librapt_cuda", "/nowhere/librapt_cuda.so");
    try {
      String missing = Cli.run("info").out();
      assertTrue(
          missing.contains("cuda            unavailable: the CUDA plug-in cannot be loaded"),
          missing);
      System.setProperty("dev.rapt.librapt_cuda", "/nowhere/" + "far away/".repeat(30));
      String far = Cli.run("info").out();
      String line = far.lines().filter(l -> l.startsWith("  cuda ")).findFirst().orElseThrow();
      assertTrue(line.length() <= 120 && line.endsWith(" …"), line);
      // All but the line of the self-check.
      assertEquals(usable.lines().count() - 1, far.lines().count(), far);
    } finally {
      Cuda.use();
    }
  }

  private static void check(int code, String expected, Cli result) {
    assertEquals(code, result.code(), result.err());
    assertEquals("", result.out());
    assertTrue(result.err().contains(expected), result.err());
    assertTrue(result.err().startsWith("rapt"), result.err());
    assertEquals(1, result.err().lines().count(), result.err());
  }
}
