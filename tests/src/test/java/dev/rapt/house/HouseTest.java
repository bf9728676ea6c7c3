// SPDX-License-Identifier: Apache-2.0
package dev.rapt.house;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The rules of the Java house, read from its sources. */
class HouseTest {
  private static final Path ROOT = Path.of(System.getProperty("rapt.root"));
  private static final Path LIBRARY = ROOT.resolve("java/rapt/src/main/java/dev/rapt");
  private static final Pattern IMPORT =
      Pattern.compile(
          "^import (?:static )?dev\\.rapt\\.(internal\\.[a-z.]*[a-z])\\.[A-Za-z]",
          Pattern.MULTILINE);
  private static final Pattern PARAMETERS =
      Pattern.compile(
          "(?:^  +|record )[\\w<>@\\[\\]?.,"
              + " ]*\\b\\w+\\(([^()]*(?:\\([^()]*\\)[^()]*)*)\\)\\s*(?:throws [\\w., ]+)?\\{",
          Pattern.MULTILINE);
  private static final int MOST_PARAMETERS = 8;

  /** Calls that take the JVM's locale where none is given, and classes that take it silently. */
  private static final Pattern BY_LOCALE =
      Pattern.compile(
          "(?:String\\.format|printf)\\(\\s*(?!Locale\\.ROOT)\\S"
              + "|\\.formatted\\("
              + "|\\.to(?:Upper|Lower)Case\\(\\s*\\)"
              + "|new (?:DecimalFormat|SimpleDateFormat|Formatter|Scanner)\\("
              + "|(?:NumberFormat|Collator|BreakIterator)\\.get");

  private static List<Path> sources(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(file -> file.toString().endsWith(".java"))
          .filter(file -> !file.toString().contains("/internal/ffi/"))
          .filter(file -> !folder.relativize(file).toString().contains("target/"))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Internal packages import each other one way only. */
  @Test
  void internalPackagesHaveNoCircle() {
    Map<String, Set<String>> arrows = new TreeMap<>();
    for (Path file : sources(LIBRARY.resolve("internal"))) {
      String from = LIBRARY.relativize(file.getParent()).toString().replace('/', '.');
      Matcher matcher = IMPORT.matcher(read(file));
      Set<String> to = arrows.computeIfAbsent(from, name -> new TreeSet<>());
      while (matcher.find()) {
        to.add(matcher.group(1));
      }
      to.remove(from);
    }
    assertTrue(arrows.get("internal.ops").contains("internal.call"), arrows.toString());
    // Takes away packages that import none that is left, until all are gone or a circle remains.
    while (arrows.values().removeIf(to -> to.stream().noneMatch(arrows::containsKey))) {}
    assertEquals(Map.of(), arrows);
  }

  /** Methods and records are short enough to call without counting. */
  @Test
  void fewParameters() {
    List<String> long_ = new ArrayList<>();
    int seen = 0;
    for (String folder : List.of("java", "tests", "bench")) {
      for (Path file : sources(ROOT.resolve(folder))) {
        Matcher matcher = PARAMETERS.matcher(read(file));
        while (matcher.find()) {
          seen++;
          String list = matcher.group(1).replaceAll("<[^<>]*>", "").replaceAll("\\([^()]*\\)", "");
          if (!list.isBlank() && list.split(",").length > MOST_PARAMETERS) {
            long_.add(file.getFileName() + ": " + matcher.group().strip());
          }
        }
      }
    }
    assertTrue(seen > 1000, "methods seen: " + seen);
    assertEquals(List.of(), long_);
  }

  /** Numbers have the same digits, and letters the same capitals, under every locale. */
  @Test
  void nothingDependsOnTheLocale() {
    for (String wrong :
        List.of(
            "String.format(\"%d\", 1)",
            "out.printf(\n    \"%.1f\", x)",
            "\"%d\".formatted(1)",
            "name.toUpperCase()",
            "new DecimalFormat(\"0.0\")")) {
      assertTrue(BY_LOCALE.matcher(wrong).find(), wrong);
    }
    List<String> found = new ArrayList<>();
    for (String folder : List.of("java", "tests", "bench")) {
      for (Path file : sources(ROOT.resolve(folder))) {
        if (file.endsWith("HouseTest.java")) {
          continue;
        }
        Matcher matcher = BY_LOCALE.matcher(read(file));
        while (matcher.find()) {
          found.add(ROOT.relativize(file) + ": " + matcher.group());
        }
      }
    }
    assertEquals(List.of(), found);
  }

  /** One word for an operation, in C and in Java. */
  @Test
  void everyOperationHasItsFolders() throws IOException {
    List<String> words;
    try (Stream<Path> folders = Files.list(ROOT.resolve("native/ops"))) {
      words = folders.filter(Files::isDirectory).map(f -> f.getFileName().toString()).toList();
    }
    assertFalse(words.isEmpty());
    for (String word : words) {
      assertTrue(Files.isDirectory(LIBRARY.resolve("internal/reference/" + word)), word);
      assertTrue(Files.isDirectory(ROOT.resolve("tests/src/test/java/dev/rapt/" + word)), word);
      String table = Character.toUpperCase(word.charAt(0)) + word.substring(1) + "Operation.java";
      assertTrue(Files.exists(LIBRARY.resolve("internal/ops/" + table)), table);
    }
  }
}
