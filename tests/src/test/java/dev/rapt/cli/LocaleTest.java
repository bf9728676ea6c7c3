// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nothing depends on the locale: text and file names are UTF-8, numbers have the same digits. */
class LocaleTest {
  private static final String CLASS_PATH =
      System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));

  @TempDir private Path directory;

  /**
   * Runs the application in a JVM of its own. The shell makes the arguments' bytes, as this JVM may
   * be unable to.
   *
   * @param arguments quoted for a shell, octal escapes for bytes
   */
  private Cli java(String locale, String... arguments) throws Exception {
    StringBuilder script = new StringBuilder("exec \"$0\" --enable-native-access=ALL-UNNAMED");
    script.append(" --sun-misc-unsafe-memory-access=allow -cp \"$1\" dev.rapt.cli.Main");
    for (String argument : arguments) {
      script.append(" \"$(printf -- '").append(argument).append("')\"");
    }
    Path out = directory.resolve("stdout");
    Path err = directory.resolve("stderr");
    List<String> command = new ArrayList<>(List.of("sh", "-c", script.toString()));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add(CLASS_PATH);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder.environment().put("LC_ALL", locale);
    int code = builder.start().waitFor();
    return new Cli(code, Files.readString(out), Files.readString(err));
  }

  @ParameterizedTest
  @ValueSource(strings = {"C", "no_SUCH"})
  void aTextKeepsItsLetters(String locale) throws Exception {
    Cli result =
        java(locale, "explain", "M\\303\\274ller loves \\346\\235\\261 \\360\\237\\230\\200");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("0:[CLS] 1:muller 2:loves 3:東 4:😀 5:[SEP]"), result.out());
    assertEquals(
        List.of(), result.err().lines().filter(line -> !line.contains("no font")).toList());
  }

  @Test
  void aTextThatIsNotUtf8IsRefused() throws Exception {
    for (String locale : List.of("C", "C.UTF-8")) {
      Cli result = java(locale, "explain", "M\\374ller");
      assertEquals(2, result.code(), result.out());
      assertTrue(
          result.err().startsWith("rapt: argument 2, M\ufffdller, is not UTF-8"), result.err());
      assertEquals(1, result.err().lines().count());
    }
  }

  @Test
  void aFileNameIsUtf8OrRefusedInWords() throws Exception {
    String name = "Z\\303\\274rich.txt";
    Process made =
        new ProcessBuilder("sh", "-c", "echo A cat. > \"$(printf '" + name + "')\"")
            .directory(directory.toFile())
            .start();
    assertEquals(0, made.waitFor());

    Cli read = java("C.UTF-8", "embed", name, "--out", "\\303\\244.jsonl");
    assertEquals(0, read.code(), read.err());

    for (String[] arguments :
        List.of(
            new String[] {"embed", name},
            new String[] {"explain", "x", "--out", name},
            new String[] {"explain", "x", "--out=" + name})) {
      Cli refused = java("C", arguments);
      assertEquals(2, refused.code(), refused.err());
      assertTrue(refused.err().contains("Zürich.txt"), refused.err());
      assertTrue(refused.err().contains("set LC_ALL=C.UTF-8"), refused.err());
      assertFalse(refused.err().contains("java."), refused.err());
      assertEquals(1, refused.err().lines().count(), refused.err());
    }
  }

  @Test
  void argumentsAreReadFromTheCommandLine() {
    byte[] line = "java\0-jar\0x\0Müller\0".getBytes(StandardCharsets.UTF_8);
    String[] lossy = {"M\ufffd\ufffdller"};
    assertArrayEquals(
        new String[] {"Müller"}, Arguments.asTyped(lossy, line, StandardCharsets.US_ASCII));
    String[] latin = {"MÃ¼ller"};
    assertArrayEquals(
        new String[] {"Müller"}, Arguments.asTyped(latin, line, StandardCharsets.ISO_8859_1));
    // Called by another program, whose command line says nothing of these.
    String[] other = {"Zürich", "x"};
    assertArrayEquals(other, Arguments.asTyped(other, line, StandardCharsets.UTF_8));
    assertArrayEquals(other, Arguments.asTyped(other, new byte[0], StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @ValueSource(strings = {"fa-IR", "ar-EG-u-nu-arab", "hi-IN-u-nu-deva", "de-DE", "tr-TR"})
  void thePictureIsTheSameEverywhere(String tag) throws IOException {
    String text = "It is in Indiana, 2 miles off.";
    byte[] expected = picture(Locale.ROOT, text);
    assertArrayEquals(expected, picture(Locale.forLanguageTag(tag), text));
  }

  private byte[] picture(Locale locale, String text) throws IOException {
    Locale before = Locale.getDefault();
    Path folder = directory.resolve(locale.toLanguageTag());
    Locale.setDefault(locale);
    try {
      Cli result = Cli.run("explain", text, "--device", "CPU", "--out", folder.toString());
      assertEquals(0, result.code(), result.err());
      assertTrue(
          result.out().chars().noneMatch(c -> Character.isDigit(c) && c > '9'), result.out());
    } finally {
      Locale.setDefault(before);
    }
    return Files.readAllBytes(folder.resolve("heatmap.png"));
  }
}
