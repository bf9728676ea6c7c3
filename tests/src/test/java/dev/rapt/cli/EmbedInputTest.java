// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where {@code rapt embed} takes its lines from, and what it makes of bad ones. */
class EmbedInputTest {
  @TempDir private Path directory;

  private static Cli fromStandardInput(byte[] text, String... options) {
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream(text));
    try {
      String[] all = new String[options.length + 2];
      all[0] = "embed";
      all[1] = "-";
      System.arraycopy(options, 0, all, 2, options.length);
      return Cli.run(all);
    } finally {
      System.setIn(before);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** The start of each result, up to the embedding. */
  private static List<String> heads(Cli result) {
    assertEquals(0, result.code(), result.err());
    return result.out().lines().map(line -> line.substring(0, line.indexOf(",\"emb"))).toList();
  }

  @Test
  void standardInput() {
    assertEquals(
        List.of("{\"line\":1,\"text\":\"Zürich.\"", "{\"line\":3,\"text\":\"東京\""),
        heads(fromStandardInput(bytes("Zürich.\n\n東京"))));
  }

  @Test
  void aNamedPipe() throws Exception {
    Path pipe = directory.resolve("pipe");
    Path source = directory.resolve("source");
    Files.writeString(source, "one\ntwo\n");
    assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
    Process writer =
        new ProcessBuilder("sh", "-c", "cat \"$1\" >\"$0\"", pipe.toString(), source.toString())
            .start();
    assertEquals(2, heads(Cli.run("embed", pipe.toString())).size());
    assertEquals(0, writer.waitFor());
  }

  @Test
  void lineEndsAndAByteOrderMark() throws IOException {
    byte[] text = bytes("\ufeffone\r\ntwo\rthree\n\r\n\ufefffive");
    List<String> expected =
        List.of(
            "{\"line\":1,\"text\":\"one\"",
            "{\"line\":2,\"text\":\"two\"",
            "{\"line\":3,\"text\":\"three\"",
            "{\"line\":5,\"text\":\"\\ufefffive\"");
    assertEquals(expected, heads(fromStandardInput(text)));
    Path file = directory.resolve("lines.txt");
    Files.write(file, text);
    assertEquals(expected, heads(Cli.run("embed", file.toString())));
  }

  @Test
  void aBadByteCostsItsOwnLine() throws IOException {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    text.write(bytes("one\ntw"));
    text.write(0xf6);
    text.write(bytes("\nthree\n"));
    Path file = directory.resolve("lines.txt");
    Files.write(file, text.toByteArray());
    String fault = "line 2 is not UTF-8 text: its byte 3 is 0xf6";
    for (Cli result :
        List.of(fromStandardInput(text.toByteArray()), Cli.run("embed", file.toString()))) {
      assertEquals(
          List.of("{\"line\":1,\"text\":\"one\"", "{\"line\":3,\"text\":\"three\""), heads(result));
      assertTrue(result.err().contains("left out: " + fault + "\n"), result.err());
    }
    for (Cli result :
        List.of(
            fromStandardInput(text.toByteArray(), "--strict"),
            Cli.run("embed", "--strict", file.toString()))) {
      assertEquals(1, result.code());
      assertEquals("", result.out());
      assertTrue(result.err().contains(": " + fault), result.err());
      assertEquals(1, result.err().lines().count(), result.err());
    }
  }

  @Test
  void aLongLineCostsItsFirstTokens() throws IOException {
    Path file = directory.resolve("lines.txt");
    Files.writeString(file, "A line of five megabytes. ".repeat(200_000) + "\nshort\n");
    Cli result = Cli.run("embed", file.toString());
    assertEquals(2, heads(result).size());
    assertTrue(result.err().contains("cut off after 256 tokens"), result.err());
  }

  @Test
  void nothingToEmbed() {
    Cli result = fromStandardInput(bytes("\n \n\u00a0\u3000\u2028\n"));
    assertEquals(2, result.code());
    assertTrue(result.err().contains("standard input has no line with text"), result.err());
  }
}
