// SPDX-License-Identifier: Apache-2.0
package dev.rapt.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A Markdown page of the repository.
 *
 * @param name its path from the repository's root
 * @param lines all of it
 * @param blocks its fenced blocks, in order
 */
record Page(String name, List<String> lines, List<Block> blocks) {
  static final Path ROOT = Path.of(System.getProperty("rapt.root"));

  private static final String FENCE = "```";

  /**
   * A fenced block.
   *
   * @param line the number of its first line behind the fence, from 1
   * @param language the first word behind the opening fence; empty where there is none
   * @param argument the rest of that line
   * @param text what is inside, each line with its end
   */
  record Block(int line, String language, String argument, String text) {
    /** The number of the line behind its closing fence. */
    int end() {
      return line + (int) text.lines().count() + 1;
    }
  }

  /** README.md, CONTRIBUTING.md and all pages below docs. */
  static List<Page> all() {
    try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
      List<Page> pages = new ArrayList<>();
      pages.add(read(ROOT.resolve("README.md")));
      pages.add(read(ROOT.resolve("CONTRIBUTING.md")));
      docs.filter(file -> file.toString().endsWith(".md"))
          .sorted()
          .map(Page::read)
          .forEach(pages::add);
      return pages;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Page read(Path file) {
    try {
      List<String> lines = Files.readAllLines(file);
      String name = ROOT.relativize(file).toString();
      return new Page(name, lines, blocks(name, lines));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<Block> blocks(String name, List<String> lines) {
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      if (!lines.get(i).startsWith(FENCE)) {
        continue;
      }
      String[] words = lines.get(i).substring(FENCE.length()).strip().split(" ", 2);
      StringBuilder text = new StringBuilder();
      int first = i + 1;
      for (i = first; i < lines.size() && !lines.get(i).equals(FENCE); i++) {
        text.append(lines.get(i)).append('\n');
      }
      if (i == lines.size()) {
        throw new AssertionError(name + ":" + first + ": this block has no end");
      }
      String argument = words.length == 2 ? words[1] : "";
      blocks.add(new Block(first + 1, words[0], argument, text.toString()));
    }
    return blocks;
  }

  /** {@code README.md:12}, for messages. */
  String at(int line) {
    return name + ":" + line;
  }

  /** The lines outside of blocks, the others empty, so that line numbers stay. */
  List<String> prose() {
    List<String> prose = new ArrayList<>(lines);
    for (Block block : blocks) {
      for (int line = block.line() - 1; line < block.end(); line++) {
        prose.set(line - 1, "");
      }
    }
    return prose;
  }

  /** The next block of a language before the next one of {@code block}'s own; null = none. */
  Block after(Block block, String language) {
    for (Block next : blocks.subList(blocks.indexOf(block) + 1, blocks.size())) {
      if (next.language().equals(language)) {
        return next;
      }
      if (next.language().equals(block.language())) {
        return null;
      }
    }
    return null;
  }
}
