// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.api.FreshJvm.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The library and its natives as modules: on the module path, in an image, in layers. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class ModulesTest {
  private static final String NATIVES = "dev.rapt.natives.linux_x86_64";

  @TempDir Path temp;

  private FreshJvm jvm;
  private String classes;

  /** A module that requires ours and nothing else, compiled against the library alone. */
  @BeforeEach
  void compileAUser() throws Exception {
    jvm = new FreshJvm(temp);
    Path source = Files.createDirectories(temp.resolve("source/user"));
    Path descriptor = source.resolveSibling("module-info.java");
    Files.writeString(descriptor, "module user { requires dev.rapt; }");
    Path program = source.resolve("Main.java");
    Files.writeString(
        program,
        """
        package user;

        final class Main {
          private Main() {}

          public static void main(String[] args) {
            try (dev.rapt.Device device = dev.rapt.Device.best()) {
              System.out.println(device);
              System.out.println(dev.rapt.Capabilities.probe().nativeReason());
            }
          }
        }
        """);
    classes = temp.resolve("classes").toString();
    List<String> command = List.of(FreshJvm.tool("javac"), "-Xlint:all", "-Werror", "-d", classes);
    Outcome compiled =
        jvm.run(
            Map.of(),
            joined(command, "-p", modulePath(), "--add-modules", "dev.rapt", descriptor, program));
    assertEquals("", compiled.stderr());
  }

  private static List<String> joined(List<String> command, Object... more) {
    List<String> all = new ArrayList<>(command);
    for (Object argument : more) {
      all.add(argument.toString());
    }
    return all;
  }

  private static String modulePath(String... more) {
    return FreshJvm.path(joined(FreshJvm.jars(), (Object[]) more));
  }

  @Test
  void runsAsAModule() throws Exception {
    Outcome outcome =
        jvm.java(
            Map.of(),
            "-p",
            modulePath(classes),
            "--add-modules=" + NATIVES,
            "--enable-native-access=dev.rapt",
            "--illegal-native-access=deny",
            "-m",
            "user/user.Main");
    assertTrue(outcome.stdout().contains("CPU "), outcome.toString());
    assertFalse(outcome.stdout().contains("Java reference"), outcome.toString());
  }

  @Test
  void saysHowTheNativesJoinAModule() throws Exception {
    Outcome outcome = jvm.java(Map.of(), "-p", modulePath(classes), "-m", "user/user.Main");
    assertTrue(outcome.stdout().contains("--add-modules " + NATIVES), outcome.toString());
  }

  @Test
  void runsInAnImage() throws Exception {
    Outcome outcome = runInImage("user," + NATIVES);
    assertTrue(outcome.stdout().contains("CPU "), outcome.toString());
    assertEquals("", outcome.stderr());
  }

  @Test
  void saysHowTheNativesJoinAnImage() throws Exception {
    Outcome outcome = runInImage("user");
    String advice = "give jlink that jar and --add-modules " + NATIVES;
    assertTrue(outcome.stdout().contains(advice), outcome.toString());
  }

  private Outcome runInImage(String modules) throws IOException, InterruptedException {
    Path image = temp.resolve("image");
    jvm.run(
        Map.of(),
        joined(
            List.of(FreshJvm.tool("jlink"), "--add-modules", modules),
            "--module-path",
            modulePath(classes),
            "--output",
            image));
    return jvm.run(
        Map.of(),
        List.of(
            image.resolve("bin/java").toString(),
            "--enable-native-access=dev.rapt",
            "--illegal-native-access=deny",
            "-m",
            "user/user.Main"));
  }
}
