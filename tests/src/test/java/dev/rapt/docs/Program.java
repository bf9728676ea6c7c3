// SPDX-License-Identifier: Apache-2.0
package dev.rapt.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A Java program of a page: saved under the name that the page gives, run by the command that
 * README.md gives, and judged by the text block that follows it.
 */
record Program(Page page, Page.Block block) {
  private static final Pattern FILE = Pattern.compile("`(\\w+\\.java)`");

  /** All of a page. */
  static List<Program> of(Page page) {
    return page.blocks().stream()
        .filter(block -> block.language().equals("java"))
        .map(block -> new Program(page, block))
        .toList();
  }

  /** Where it begins, for messages. */
  String at() {
    return page.at(block.line());
  }

  /** Runs it in a folder, with a command that names another program. */
  void run(Path folder, String command, String named) throws IOException, InterruptedException {
    String file = file();
    // As many lines as on the page stand before it: the compiler's line numbers are the page's.
    Files.writeString(folder.resolve(file), "\n".repeat(block.line() - 1) + block.text());

    // The command's paths count from the checkout and its file lies in the reader's folder: here,
    // two places.
    Path target = Page.ROOT.resolve("java/rapt/target");
    String adapted = command.replace("java/rapt/target", target.toString()).replace(named, file);
    ProcessBuilder builder = new ProcessBuilder("bash", "-c", adapted);
    builder.directory(folder.toFile());
    String jdk = System.getProperty("java.home") + File.separator + "bin";
    builder.environment().merge("PATH", jdk, (path, first) -> first + File.pathSeparator + path);
    // Were access not granted by the printed flag, this turns the warning into a failure. Numbers
    // are printed as on the page in English alone.
    builder
        .environment()
        .put("JDK_JAVA_OPTIONS", "--illegal-native-access=deny -Duser.language=en");
    Path log = folder.resolve("log");
    builder.redirectError(log.toFile());
    Path printed = folder.resolve("printed");
    builder.redirectOutput(printed.toFile());

    Process process = builder.start();
    assertTrue(process.waitFor(2, TimeUnit.MINUTES), () -> at() + ": the program did not end");
    String errors = Files.readString(log);
    assertEquals(0, process.exitValue(), () -> at() + ": the program failed:\n" + errors);
    judge(Files.readString(printed));
  }

  /** The last file that the page names before the program. */
  private String file() {
    String name = null;
    for (String line : page.prose().subList(0, block.line() - 1)) {
      Matcher matcher = FILE.matcher(line);
      while (matcher.find()) {
        name = matcher.group(1);
      }
    }
    if (name == null) {
      throw new AssertionError(at() + ": the page does not say where to save this, as `Name.java`");
    }
    return name;
  }

  /** Compares what was printed with the text block; … there stands for whatever differs. */
  private void judge(String printed) {
    Page.Block expected = page.after(block, "text");
    if (expected == null) {
      throw new AssertionError(at() + ": no text block follows with what the program prints");
    }
    List<String> shown = expected.text().lines().toList();
    List<String> got = new ArrayList<>(printed.lines().toList());
    for (int i = 0; i < shown.size(); i++) {
      String line = i < got.size() ? got.get(i) : "(nothing)";
      String pattern = Pattern.quote(shown.get(i)).replace("…", "\\E.*\\Q");
      if (!line.matches(pattern)) {
        assertEquals(shown.get(i), line, page.at(expected.line() + i));
      }
    }
    assertEquals(shown.size(), got.size(), () -> at() + ": more was printed: " + printed);
  }
}
