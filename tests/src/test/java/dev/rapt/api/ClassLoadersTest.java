// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rapt.Capabilities;
import dev.rapt.api.FreshJvm.Outcome;
import java.io.File;
import java.lang.module.Configuration;
import java.lang.module.ModuleFinder;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Copies of the library in one JVM, as application servers and programs with plug-ins have. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class ClassLoadersTest {
  @TempDir Path temp;

  /** What the fresh JVM runs: the probe in three class loaders that share nothing, all alive. */
  public static final class Applications {
    private Applications() {}

    /** Takes the class path of the applications. */
    public static void main(String[] args) throws Exception {
      List<URL> urls = new ArrayList<>();
      for (String entry : args[0].split(File.pathSeparator)) {
        urls.add(Path.of(entry).toUri().toURL());
      }
      List<URLClassLoader> applications = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        applications.add(
            new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader()));
        Class<?> probe = applications.getLast().loadClass(Probe.class.getName());
        probe.getMethod("main", String[].class).invoke(null, (Object) new String[0]);
      }
      for (URLClassLoader application : applications) {
        application.close();
      }
    }
  }

  /** What the fresh JVM runs: two layers of modules, each module with a class loader of its own. */
  public static final class Layers {
    private Layers() {}

    /** Takes the jars. A layer's modules get native access from here, not from the command line. */
    @SuppressWarnings("restricted")
    public static void main(String[] args) throws Exception {
      ModuleLayer boot = ModuleLayer.boot();
      ModuleFinder jars = ModuleFinder.of(Arrays.stream(args).map(Path::of).toArray(Path[]::new));
      Set<String> roots = Set.of("dev.rapt", "dev.rapt.natives.linux_x86_64");
      for (int i = 0; i < 2; i++) {
        Configuration modules = boot.configuration().resolve(jars, ModuleFinder.of(), roots);
        ModuleLayer.Controller layer =
            ModuleLayer.defineModulesWithManyLoaders(
                modules, List.of(boot), ClassLoader.getPlatformClassLoader());
        Module library = layer.layer().findModule("dev.rapt").orElseThrow();
        layer.enableNativeAccess(library);
        Class<?> type = Class.forName(library, Capabilities.class.getName());
        Object capabilities = type.getMethod("probe").invoke(null);
        System.out.println("native: " + type.getMethod("nativeAvailable").invoke(capabilities));
        System.out.println("reason: " + type.getMethod("nativeReason").invoke(capabilities));
      }
    }
  }

  @Test
  void eachHasTheNativeLibrary() throws Exception {
    Outcome unpacked = applications();
    assertNative(3, unpacked);
    List<String> sources =
        unpacked.stdout().lines().filter(line -> line.startsWith("source: ")).distinct().toList();
    assertEquals(1, sources.size(), "one file for all: " + unpacked);
    String source = sources.getFirst().substring("source: ".length());
    assertNative(3, applications("-Ddev.rapt.librapt=" + source));
  }

  @Test
  void eachLayerOfModulesHasTheNativeLibrary() throws Exception {
    List<String> command = new ArrayList<>(command());
    command.addAll(List.of("-cp", FreshJvm.CLASS_PATH, Layers.class.getName()));
    command.addAll(FreshJvm.jars());
    assertNative(2, new FreshJvm(temp).java(Map.of(), command.toArray(String[]::new)));
  }

  private static List<String> command(String... options) {
    List<String> command = new ArrayList<>(List.of(options));
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "--illegal-native-access=deny"));
    return command;
  }

  private Outcome applications(String... options) throws Exception {
    List<String> command = new ArrayList<>(command(options));
    command.addAll(List.of("-cp", FreshJvm.CLASS_PATH, Applications.class.getName()));
    command.add(FreshJvm.CLASS_PATH);
    return new FreshJvm(temp).java(Map.of(), command.toArray(String[]::new));
  }

  private static void assertNative(int times, Outcome outcome) {
    long seen = outcome.stdout().lines().filter("native: true"::equals).count();
    assertEquals(times, seen, outcome.toString());
  }
}
