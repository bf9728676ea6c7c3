// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Control characters in texts, file names and arguments do not reach the terminal. */
class ControlCharactersTest {
  /** Turns red, sets a title, clears by a C1 sequence, and reverses the line. */
  private static final String EVIL =
      "\u001b[31m\u001b]0;title\u0007\u007f\u009b2J\u202e\u2066\r\u0008";

  @TempDir private Path directory;

  private static void isClean(Cli result) {
    for (String printed : new String[] {result.out(), result.err()}) {
      printed
          .codePoints()
          .filter(c -> c != '\n')
          .forEach(
              c ->
                  assertTrue(
                      !Character.isISOControl(c)
                          && Character.getType(c) != Character.FORMAT
                          && Character.getType(c) != Character.SURROGATE,
                      Integer.toHexString(c) + " in " + printed));
    }
  }

  @Test
  void betweenEmoji() {
    String text = "a 😀\u001b\u0007\u007f\u009b\u202e😀 " + EVIL + " b";
    Cli result = Cli.run("explain", text, "--out", directory.toString());
    assertEquals(0, result.code(), result.err());
    isClean(result);
    assertTrue(result.out().contains("2:😀\\u001b\\u0007\\u007f\\u009b\\u202e😀 3:"), result.out());
  }

  @Test
  void inFileNamesAndTheirErrors() throws IOException {
    String name = "a" + EVIL + "\nb";
    Path file = directory.resolve(name);
    Cli missing = Cli.run("embed", file.toString());
    isClean(missing);
    assertEquals(1, missing.err().lines().count(), missing.err());
    assertTrue(missing.err().contains("\\u001b[31m"), missing.err());
    assertTrue(missing.err().contains("\\u000ab: it does not exist"), missing.err());
    Cli explained = Cli.run("explain", "x", "--out", file.toString());
    assertEquals(0, explained.code(), explained.err());
    isClean(explained);
    assertTrue(explained.out().contains("\\u000ab/heatmap.png"), explained.out());
    Path taken = directory.resolve("taken" + EVIL);
    Files.writeString(taken, "");
    isClean(Cli.run("explain", "x", "--out", taken.toString()));
    isClean(Cli.run("embed", taken.toString()));
  }

  @Test
  void inArguments() {
    isClean(Cli.run(EVIL));
    isClean(Cli.run("explain", "x", EVIL));
    isClean(Cli.run("explain", "x", "--device", EVIL));
    isClean(Cli.run("explain", "x", "--head", EVIL));
    isClean(Cli.run("explain", "x", "--no" + EVIL));
  }

  @Test
  void inLines() throws IOException {
    Path file = directory.resolve("lines.txt");
    Files.writeString(file, "cat" + EVIL.replace("\r", "") + "\n");
    Cli result = Cli.run("embed", file.toString());
    assertEquals(0, result.code(), result.err());
    isClean(result);
    assertTrue(result.out().contains("\\u009b2J"), result.out());
  }
}
