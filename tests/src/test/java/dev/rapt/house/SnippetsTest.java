// SPDX-License-Identifier: Apache-2.0
package dev.rapt.house;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every public class shows how it is used, and what it shows compiles. */
class SnippetsTest {
  private static final Path PUBLIC =
      Path.of(System.getProperty("rapt.root"), "java/rapt/src/main/java/dev/rapt");
  private static final Pattern CLASS_JAVADOC =
      Pattern.compile(
          "^/\\*\\*((?:(?!\\*/).)*)\\*/\\s*(?:@[^\\n]*\\n)*public ",
          Pattern.DOTALL | Pattern.MULTILINE);
  private static final String SNIPPET = "{@snippet :";

  /** What a snippet takes for granted; its own variables hide these. */
  private static final String USUAL =
      """
      static Arena arena;
      static CudaDevice device;
      static CudaStream stream;
      static PinnedMemory pinned;
      static Attention attention;
      static MultiHeadAttention multiHead;
      static Tensor query, key, value, output, input, mask, lse, positions, padding;
      static Tensor weight, bias, inWeight, inBias, outWeight, outBias;
      static Tensor key0, value0, key1, value1, partialOutput, partialLse;
      static Tensor keys, keyScale, slots, keyCache, valueCache;
      static RotaryEmbedding.Tables tables;
      static KvCache cache;
      static Sequence sequence;
      static long token;
      """;

  /** Of both packages that the library exports. */
  private static List<Path> sources() throws IOException {
    try (Stream<Path> own = Files.list(PUBLIC);
        Stream<Path> cache = Files.list(PUBLIC.resolve("cache"))) {
      return Stream.concat(own, cache)
          .filter(file -> file.toString().endsWith(".java"))
          .sorted()
          .toList();
    }
  }

  private static Class<?> type(Path file) throws ClassNotFoundException {
    String inside = PUBLIC.relativize(file).toString().replace(".java", "").replace('/', '.');
    return Class.forName("dev.rapt." + inside);
  }

  /** An enum's constants and an exception's causes are all there is to know of it. */
  private static boolean needsNone(Class<?> type) {
    return type.isEnum() || Throwable.class.isAssignableFrom(type);
  }

  @Test
  void everyPublicClassHasOne() throws IOException, ClassNotFoundException {
    List<String> without = new ArrayList<>();
    int seen = 0;
    for (Path file : sources()) {
      Matcher javadoc = CLASS_JAVADOC.matcher(Files.readString(file));
      String name = file.getFileName().toString().replace(".java", "");
      if (javadoc.find() && !needsNone(type(file))) {
        seen++;
        if (!javadoc.group(1).contains(SNIPPET)) {
          without.add(name);
        }
      }
    }
    assertTrue(seen >= 20, "public classes seen: " + seen);
    assertEquals(List.of(), without);
  }

  @Test
  void allCompile(@TempDir Path folder) throws IOException, URISyntaxException {
    List<Path> programs = new ArrayList<>();
    for (Path file : sources()) {
      for (String snippet : snippets(Files.readString(file))) {
        String name = file.getFileName().toString().replace(".java", "") + programs.size();
        programs.add(Files.writeString(folder.resolve(name + ".java"), program(name, snippet)));
      }
    }
    assertTrue(programs.size() >= 15, "snippets seen: " + programs.size());
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
    Path library =
        Path.of(Tensor.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    List<String> options =
        List.of("-d", folder.toString(), "-cp", library.toString(), "-proc:none", "-nowarn");
    try (StandardJavaFileManager files = compiler.getStandardFileManager(found, null, null)) {
      boolean good =
          compiler
              .getTask(
                  null, files, found, options, null, files.getJavaFileObjectsFromPaths(programs))
              .call();
      assertTrue(
          good,
          () ->
              found.getDiagnostics().stream()
                  .map(Object::toString)
                  .collect(Collectors.joining("\n")));
    }
  }

  private static String program(String name, String snippet) {
    String body =
        snippet.startsWith("static ")
            ? snippet
            : "static void show() throws Exception {\n" + snippet + "\n}";
    return "import dev.rapt.*;\nimport dev.rapt.cache.*;\nimport java.lang.foreign.*;\nclass "
        + name
        + " {\n"
        + USUAL
        + body
        + "\n}\n";
  }

  /** The text of each snippet, up to the brace that ends it. */
  private static List<String> snippets(String source) {
    List<String> snippets = new ArrayList<>();
    for (int at = source.indexOf(SNIPPET); at >= 0; at = source.indexOf(SNIPPET, at + 1)) {
      int begin = at + SNIPPET.length();
      int end = begin;
      for (int depth = 1; depth > 0; end++) {
        depth += source.charAt(end) == '{' ? 1 : source.charAt(end) == '}' ? -1 : 0;
      }
      String text = source.substring(begin, end - 1);
      snippets.add(
          text.lines()
              .map(line -> line.replaceFirst("^ *\\* ?", ""))
              .collect(Collectors.joining("\n"))
              .strip());
    }
    return snippets;
  }
}
