// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A full disk, as /dev/full plays it, is named with the file that it holds up. */
class FullDiskTest {
  private static final Path FULL = Path.of("/dev/full");

  @TempDir private Path directory;

  private Path lines() throws IOException {
    return Files.writeString(directory.resolve("lines.txt"), "one line\n");
  }

  @Test
  void underEmbeddings() throws IOException {
    Cli result = Cli.run("embed", lines().toString(), "--out", FULL.toString());
    assertEquals(1, result.code());
    assertEquals("rapt embed: cannot write /dev/full: the disk is full\n", result.err());
  }

  @Test
  void underWhatExplainWrites() throws IOException {
    for (String name : new String[] {"heatmap.png", "weights.json"}) {
      Path folder = Files.createDirectory(directory.resolve("of " + name));
      Files.createSymbolicLink(folder.resolve(name), FULL);
      Cli result = Cli.run("explain", "Hello there.", "--out", folder.toString());
      assertEquals(1, result.code());
      assertEquals(
          "rapt explain: cannot write " + folder.resolve(name) + ": the disk is full\n",
          result.err());
    }
  }

  @Test
  @Timeout(600)
  void underStandardOutput() throws Exception {
    for (String[] command : new String[][] {{"embed", lines().toString()}, {"help", "embed"}}) {
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "--enable-native-access=ALL-UNNAMED",
                  "-cp",
                  System.getProperty(
                      "surefire.test.class.path", System.getProperty("java.class.path")),
                  Main.class.getName(),
                  command[0],
                  command[1])
              .redirectOutput(FULL.toFile())
              .start();
      String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(1, process.waitFor(), err);
      assertTrue(err.endsWith(": cannot write standard output: the disk is full\n"), err);
    }
  }

  @Test
  void whatWasThereStaysIfTheNewIsIncomplete() throws IOException {
    Path out = Files.writeString(directory.resolve("out.jsonl"), "old");
    Path bad = directory.resolve("bad.txt");
    Files.write(bad, "one\ntw\u00f6\n".getBytes(StandardCharsets.ISO_8859_1));
    Cli result = Cli.run("embed", bad.toString(), "--strict", "--out", out.toString());
    assertEquals(1, result.code());
    assertEquals("old", Files.readString(out));
  }
}
