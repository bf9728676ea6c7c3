// SPDX-License-Identifier: Apache-2.0
package dev.rapt.nativeimage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rapt.internal.natives.LibraryLoader;
import dev.rapt.internal.natives.NativeLibrary;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleFinder;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the jars tell GraalVM's native-image about themselves is what they do: it has to know every
 * shape of downcall and every resource when it compiles, and finds neither by itself.
 */
class NativeImageTest {
  private static final String FILE = "reachability-metadata.json";
  private static final Path ROOT = Path.of(System.getProperty("rapt.root"));

  private static List<Bytecode.Call> calls;

  @BeforeAll
  static void read() throws IOException {
    calls = Bytecode.calls();
  }

  @Test
  void everyDowncallIsListedAndNoOther() throws Exception {
    NativeLibrary.require();
    String expected =
        Downcall.derive(calls).stream()
            .map(Downcall::json)
            .collect(
                Collectors.joining(
                    ",\n      ",
                    "{\n  \"foreign\": {\n    \"downcalls\": [\n      ",
                    "\n    ]\n  }\n}\n"));
    String listed = read(Bytecode.library(), "META-INF/native-image/dev.rapt/rapt/" + FILE);
    if (!listed.equals(expected)) {
      Files.writeString(ROOT.resolve("tests/target/" + FILE), expected);
    }
    assertEquals(
        expected,
        listed,
        "the bindings changed: copy tests/target/reachability-metadata.json to"
            + " java/rapt/src/main/resources/META-INF/native-image/dev.rapt/rapt");
  }

  /** Beside downcalls and resources, which the other tests compare, there is nothing to list. */
  @Test
  void nothingElseIsDynamic() {
    Set<String> allowed =
        Set.of(
            // jextract's helper, which no function of ours needs.
            "dev.rapt.internal.ffi.rapt_h$shared:"
                + " java.lang.invoke.MethodHandles$Lookup.findVirtual",
            "dev.rapt.internal.natives.PackagedLibrary: java.lang.ClassLoader.getResourceAsStream",
            "dev.rapt.internal.natives.PackagedLibrary: java.lang.Module.getResourceAsStream");
    Set<String> dynamic =
        Set.of(
            "java.lang.foreign.Linker.upcallStub",
            "java.lang.foreign.Linker$Option.captureCallState",
            "java.lang.foreign.Linker$Option.critical",
            "java.lang.reflect.Proxy.newProxyInstance",
            "java.lang.Class.forName",
            "java.lang.ClassLoader.loadClass",
            "java.util.ServiceLoader.load",
            "java.util.ResourceBundle.getBundle",
            "java.lang.invoke.MethodHandleProxies.asInterfaceInstance");
    TreeSet<String> unlisted = new TreeSet<>();
    for (Bytecode.Call call : calls) {
      String callee = call.owner() + "." + call.method();
      if (dynamic.contains(callee)
          || call.method().startsWith("getResource")
          || callee.matches("java\\.lang\\.Class\\.get(Declared|Method|Field|Constructor).*")
          || callee.matches("java\\.lang\\.invoke\\.MethodHandles\\$Lookup\\.(find|unreflect).*")) {
        unlisted.add(call.caller() + ": " + callee);
      }
    }
    assertEquals(new TreeSet<>(allowed), unlisted);
  }

  @ParameterizedTest
  @ValueSource(strings = {"linux-x86_64", "linux-x86_64-cuda13"})
  void everyResourceOfTheNativesIsListedAndNoOther(String classifier, @TempDir Path folder)
      throws IOException {
    Path jar = natives(classifier);
    assumeTrue(Files.exists(jar), "there is no jar " + classifier + ": it was not built");
    TreeSet<String> asked = new TreeSet<>();
    URL[] urls = {jar.toUri().toURL()};
    try (URLClassLoader resources =
        new URLClassLoader(urls, null) {
          @Override
          public InputStream getResourceAsStream(String name) {
            asked.add(name);
            return super.getResourceAsStream(name);
          }
        }) {
      new LibraryLoader(null, resources, classifier, List.of(folder)).load();
    }
    assertEquals(2, asked.size(), asked.toString());
    String module = ModuleFinder.of(jar).findAll().iterator().next().descriptor().name();
    TreeSet<String> entries = new TreeSet<>();
    for (String name : asked) {
      // Without a module, the class path.
      entries.add("{\"glob\": \"" + name + "\"}");
      entries.add("{\"module\": \"" + module + "\", \"glob\": \"" + name + "\"}");
    }
    String listed = read(jar, "META-INF/native-image/dev.rapt/rapt-" + classifier + "/" + FILE);
    assertEquals(
        entries.stream()
            .collect(Collectors.joining(",\n    ", "{\n  \"resources\": [\n    ", "\n  ]\n}\n")),
        listed);
  }

  private static Path natives(String classifier) {
    String library = Bytecode.library().getFileName().toString();
    return Bytecode.library()
        .resolveSibling(library.replaceAll("\\.jar$", "-" + classifier + ".jar"));
  }

  private static String read(Path jar, String name) throws IOException {
    try (JarFile file = new JarFile(jar.toFile())) {
      assertTrue(file.getEntry(name) != null, jar + " has no " + name);
      try (InputStream stream = file.getInputStream(file.getEntry(name))) {
        String text = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        assertFalse(text.contains("\r"), name + " has lines of another system");
        return text;
      }
    }
  }
}
