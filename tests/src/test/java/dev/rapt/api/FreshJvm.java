// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** A JVM of its own, and other programs of the JDK, for what happens once per JVM. */
public final class FreshJvm {
  /** What this JVM runs on. */
  public static final String CLASS_PATH =
      System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));

  private final Path temp;

  /** Keeps output, and the cache where natives are unpacked, in the given folder. */
  public FreshJvm(Path temp) {
    this.temp = temp;
  }

  /** What a program printed. */
  public record Outcome(String stdout, String stderr) {}

  /** A program of the JDK that runs the tests. */
  public static String tool(String name) {
    return Path.of(System.getProperty("java.home"), "bin", name).toString();
  }

  /** The library's jar and the natives'. */
  public static List<String> jars() {
    List<String> jars =
        Arrays.stream(CLASS_PATH.split(File.pathSeparator))
            .filter(entry -> new File(entry).getName().matches("rapt-[0-9].*\\.jar"))
            .toList();
    assertEquals(2, jars.size(), "library and natives in " + CLASS_PATH);
    return jars;
  }

  /** Joins paths as the class path and the module path want them. */
  public static String path(List<String> entries) {
    return String.join(File.pathSeparator, entries);
  }

  /** Runs java, which must succeed. */
  public Outcome java(Map<String, String> environment, String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(tool("java")));
    command.addAll(List.of(arguments));
    return run(environment, command);
  }

  /** Runs a command, which must succeed. */
  public Outcome run(Map<String, String> environment, List<String> command)
      throws IOException, InterruptedException {
    Path stdout = temp.resolve("stdout");
    Path stderr = temp.resolve("stderr");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(stdout.toFile()).redirectError(stderr.toFile());
    builder.environment().put("XDG_CACHE_HOME", temp.resolve("cache").toString());
    builder.environment().remove("RAPT_ISA");
    builder.environment().putAll(environment);
    int status = builder.start().waitFor();
    Outcome outcome = new Outcome(Files.readString(stdout), Files.readString(stderr));
    assertEquals(0, status, outcome.toString());
    return outcome;
  }
}
