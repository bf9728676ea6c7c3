// SPDX-License-Identifier: Apache-2.0
package dev.rapt.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the pages show is true: programs print what they say, quotes are in the sources, links lead
 * somewhere.
 */
class PagesTest {
  private static final Pattern COMMAND =
      Pattern.compile("^java .* (QuickStart\\.java)$", Pattern.MULTILINE);
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");

  /** Every Java block is a whole program, and prints what the text block behind it shows. */
  @TestFactory
  Stream<DynamicTest> programs(@TempDir Path folder) {
    Matcher command = COMMAND.matcher(String.join("\n", Page.all().getFirst().lines()));
    assertTrue(command.find(), "README.md says how to run QuickStart.java");
    return Page.all().stream()
        .flatMap(page -> Program.of(page).stream())
        .map(
            program ->
                DynamicTest.dynamicTest(
                    program.at(),
                    () -> {
                      Path own = Files.createTempDirectory(folder, "program");
                      program.run(own, command.group(), command.group(1));
                    }));
  }

  /** Every operation has a page, and its page a program. */
  @Test
  void everyOperationHasAProgram() throws IOException {
    Set<String> documented = new HashSet<>();
    for (Page page : Page.all()) {
      if (!Program.of(page).isEmpty()) {
        documented.add(page.name());
      }
    }
    assertTrue(documented.contains("README.md"), documented.toString());
    try (Stream<Path> operations = Files.list(Page.ROOT.resolve("native/ops"))) {
      operations
          .map(folder -> "docs/operations/" + folder.getFileName() + ".md")
          .forEach(page -> assertTrue(documented.contains(page), page + " has no program"));
    }
  }

  /** A block whose fence names a file stands in that file, word for word. */
  @Test
  void quotesAreInTheSources() throws IOException {
    List<String> wrong = new ArrayList<>();
    int quotes = 0;
    for (Page page : Page.all()) {
      for (Page.Block block : page.blocks()) {
        if (block.argument().isEmpty()) {
          continue;
        }
        quotes++;
        Path file = Page.ROOT.resolve(block.argument());
        if (!Files.exists(file) || !Files.readString(file).contains(block.text())) {
          wrong.add(page.at(block.line()) + ": not in " + block.argument());
        }
      }
    }
    assertTrue(quotes > 0, "no quotes found");
    assertEquals(List.of(), wrong);
  }

  /** Relative links lead to files and folders, and to headings in pages. */
  @Test
  void linksLeadSomewhere() throws IOException {
    List<String> wrong = new ArrayList<>();
    int links = 0;
    for (Page page : Page.all()) {
      List<String> prose = page.prose();
      for (int i = 0; i < prose.size(); i++) {
        Matcher matcher = LINK.matcher(prose.get(i));
        while (matcher.find()) {
          links++;
          if (!leadsSomewhere(page, URI.create(matcher.group(1)))) {
            wrong.add(page.at(i + 1) + ": " + matcher.group(1));
          }
        }
      }
    }
    assertTrue(links > 0, "no links found");
    assertEquals(List.of(), wrong);
  }

  private static boolean leadsSomewhere(Page page, URI link) throws IOException {
    if (link.getScheme() != null) {
      return true;
    }
    Path file = Page.ROOT.resolve(page.name());
    Path target = link.getPath().isEmpty() ? file : file.resolveSibling(link.getPath());
    if (!Files.exists(target)) {
      return false;
    }
    return link.getFragment() == null
        || Files.readAllLines(target).stream()
            .filter(line -> line.startsWith("#"))
            .anyMatch(line -> anchor(line).equals(link.getFragment()));
  }

  /** A heading's anchor as GitHub makes it. */
  private static String anchor(String heading) {
    String words = heading.replaceFirst("^#+ ", "").toLowerCase(Locale.ROOT);
    return words.replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-');
  }
}
