/* SPDX-License-Identifier: Apache-2.0 */
package dev.rapt.readme;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs the README's programs as a reader would: each as printed, saved under the name printed, by
 * the command as printed.
 */
class ReadmeTest {
  private static final Path ROOT = Path.of(System.getProperty("rapt.root"));

  @Test
  void quickStartRunsAsPrinted(@TempDir Path folder) throws IOException, InterruptedException {
    String printed = run("QuickStart.java", folder);
    Matcher line = Pattern.compile("(\\S+): (\\S+)\n").matcher(printed);
    assertTrue(line.matches(), () -> "printed: " + printed);
    assertTrue(line.group(1).startsWith("sdpa_"), line.group(1));
    assertEquals(1f, Float.parseFloat(line.group(2)), 1e-6f);
  }

  @Test
  void decodingRunsAsPrinted(@TempDir Path folder) throws IOException, InterruptedException {
    assertEquals(2f, Float.parseFloat(run("Decode.java", folder).strip()), 1e-6f);
  }

  @Test
  void everyProgramIsRun() throws IOException {
    Matcher programs =
        Pattern.compile("^```java$", Pattern.MULTILINE)
            .matcher(Files.readString(ROOT.resolve("README.md")));
    assertEquals(2, programs.results().count());
  }

  /** What the program of that name prints. */
  private static String run(String file, Path folder) throws IOException, InterruptedException {
    String readme = Files.readString(ROOT.resolve("README.md"));
    String program = only(readme, "`" + file + "`[^`]*```java\n(.*?)```");
    String command = only(readme, "\n(java [^\n]*)\n").replace("QuickStart.java", file);
    Files.writeString(folder.resolve(file), program);

    // The command's paths count from the checkout and its file lies in the reader's folder: here,
    // two places.
    String adapted =
        command.replace("java/rapt/target", ROOT.resolve("java/rapt/target").toString());
    ProcessBuilder builder = new ProcessBuilder("bash", "-c", adapted);
    builder.directory(folder.toFile());
    String jdk = System.getProperty("java.home") + File.separator + "bin";
    builder.environment().merge("PATH", jdk, (path, first) -> first + File.pathSeparator + path);
    // Were access not granted by the printed flag, this turns the warning into a failure.
    builder.environment().put("JDK_JAVA_OPTIONS", "--illegal-native-access=deny");
    Path log = folder.resolve("log");
    builder.redirectError(log.toFile());
    Path printed = folder.resolve("printed");
    builder.redirectOutput(printed.toFile());

    Process process = builder.start();
    assertTrue(process.waitFor(2, TimeUnit.MINUTES), "the program did not end");
    assertEquals(0, process.exitValue(), () -> read(log));
    return read(printed);
  }

  private static String only(String text, String pattern) {
    Matcher matcher = Pattern.compile(pattern, Pattern.DOTALL).matcher(text);
    assertTrue(matcher.find(), "README.md has nothing like " + pattern);
    String found = matcher.group(1);
    assertTrue(!matcher.find(), "README.md has more than one of " + pattern);
    return found;
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
