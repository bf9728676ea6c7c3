// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A text is a text, whatever it begins with; what is meant as an option is none. */
class TextArgumentTest {
  @TempDir private Path directory;

  private Cli explain(String... arguments) {
    List<String> all = new ArrayList<>(List.of("explain", "--out", directory.toString()));
    all.addAll(List.of(arguments));
    return Cli.run(all.toArray(String[]::new));
  }

  private static void readAs(String tokens, Cli result) {
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains(tokens), result.out());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "-5 degrees is cold|0:[CLS] 1:- 2:5 3:degrees 4:is 5:cold 6:[SEP]",
        "-5|0:[CLS] 1:- 2:5 3:[SEP]",
        "-.5|0:[CLS] 1:- 2:. 3:5 4:[SEP]",
        "-|0:[CLS] 1:- 2:[SEP]",
        "---|0:[CLS] 1:- 2:- 3:- 4:[SEP]",
        "- she said|0:[CLS] 1:- 2:she 3:said 4:[SEP]",
        "-hello you|0:[CLS] 1:- 2:hello 3:you 4:[SEP]",
        "-Very well|0:[CLS] 1:- 2:very 3:well 4:[SEP]",
        "--help is a word|0:[CLS] 1:- 2:- 3:help 4:is 5:a 6:word 7:[SEP]",
        "@@ she ran|0:[CLS] 1:@ 2:@ 3:she 4:ran 5:[SEP]",
        "@alice|0:[CLS] 1:@ 2:alice 3:[SEP]",
        "@/etc/passwd|0:[CLS] 1:@ 2:/",
        "\"quoted\"|0:[CLS] 1:\" 2:quoted 3:\" 4:[SEP]",
        "help|0:[CLS] 1:help 2:[SEP]",
      })
  void aTextIsReadAsItStands(String text, String tokens) {
    readAs(tokens, explain(text));
    readAs(tokens, explain("--", text));
  }

  @Test
  void everythingBehindTwoHyphensIsText() {
    readAs("1:- 2:h 3:[SEP]", explain("--", "-h"));
    readAs("1:- 2:- 3:help 4:[SEP]", explain("--", "--help"));
    readAs("1:- 2:- 3:[SEP]", explain("--", "--"));
  }

  @Test
  void aFileOfThatNameChangesNothing() throws IOException {
    Path file = directory.resolve("alice");
    Files.writeString(file, "--no-such-option");
    readAs("1:@", explain("@" + file));
  }

  @ParameterizedTest
  @ValueSource(strings = {"--colour", "--colour=red", "-x", "-colour", "--layers=5"})
  void anUnknownOptionIsRefused(String option) {
    for (Cli result :
        List.of(
            explain(option),
            explain("x", option),
            explain(option, "x"),
            explain(option, "x", "y"),
            Cli.run("embed", option))) {
      assertEquals(2, result.code(), result.out());
      assertEquals("", result.out());
      assertTrue(result.err().contains("Unknown option: '" + option + "'"), result.err());
      assertEquals(1, result.err().lines().count(), result.err());
    }
  }

  @Test
  void anUnquotedSentenceIsToldToBeQuoted() {
    Cli result = explain("The", "cat", "sat");
    assertEquals(2, result.code());
    assertTrue(result.err().contains("'cat' is one argument too many; TEXT is"), result.err());
    assertTrue(result.err().contains("quote it"), result.err());
    Cli file = Cli.run("embed", "my", "lines.txt");
    assertTrue(file.err().contains("'lines.txt' is one argument too many; FILE is"), file.err());
    Cli info = Cli.run("info", "cuda");
    assertTrue(info.err().contains("unexpected argument 'cuda'"), info.err());
  }
}
