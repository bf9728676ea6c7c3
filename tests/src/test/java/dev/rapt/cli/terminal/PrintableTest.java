// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What reaches a terminal. */
class PrintableTest {
  @ParameterizedTest
  @CsvSource({
    "0, \\u0000",
    "7, \\u0007",
    "9, \\u0009",
    "a, \\u000a",
    "d, \\u000d",
    "1b, \\u001b",
    "7f, \\u007f",
    "85, \\u0085",
    "9b, \\u009b",
    "ad, \\u00ad",
    "200e, \\u200e",
    "2028, \\u2028",
    "202e, \\u202e",
    "2066, \\u2066",
    "feff, \\ufeff",
    "d800, \\ud800",
    "dfff, \\udfff",
    "e0041, \\udb40\\udc41",
  })
  void isShown(String hex, String shown) {
    String raw = Character.toString(Integer.parseInt(hex, 16));
    assertEquals("a" + shown + "b", Printable.line("a" + raw + "b"));
  }

  @Test
  void everythingElseStays() {
    String text = "Müller 東京 😀 👩‍💻 می‌خواهم \\u001b e\u0301";
    assertEquals(text, Printable.line(text));
  }

  @Test
  void aWriterKeepsLinesAndPairs() throws IOException {
    StringWriter sink = new StringWriter();
    try (PrintableWriter writer = new PrintableWriter(new PrintWriter(sink))) {
      writer.write("one\n\ttwo\u001b[31m 😀");
      String pair = "😀";
      writer.write(pair.charAt(0));
      writer.write(pair.charAt(1));
      writer.write("\udb40");
      writer.write("\udc41\ud83d.");
      writer.write("\ude00");
      writer.write("\ud83d");
      writer.flush();
      writer.write("\ude00");
    }
    assertEquals(
        "one\n\ttwo\\u001b[31m 😀😀\\udb40\\udc41\\ud83d.\\ude00\\ud83d\\ude00", sink.toString());
  }

  @Test
  void rightToLeftWordsAreIsolated() {
    assertEquals("cat 東京", Printable.isolated("cat 東京"));
    assertEquals("\u2068##שלום\u2069", Printable.isolated("##שלום"));
    assertEquals("\u2068مرحبا\\u2069\u2069", Printable.isolated("مرحبا\u2069"));
  }
}
