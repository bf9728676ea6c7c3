// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.rapt.models.Shared;
import dev.rapt.models.llama.TinyLlama;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code rapt generate}: the text on standard output, all else on standard error. */
class GenerateCommandTest {
  @TempDir private Path folder;

  private Path model() {
    return TinyLlama.file(folder.resolve("tiny.gguf"));
  }

  private Cli run(String prompt, String... options) {
    List<String> args = new ArrayList<>(List.of("generate", "--model", model().toString(), prompt));
    args.addAll(Arrays.asList(options));
    return Cli.run(args.toArray(String[]::new));
  }

  @Test
  void writesTheStory() {
    Path stories = Shared.file("stories260K/stories260K-f32.gguf");
    Cli result =
        Cli.run(
            "generate", "--model", stories.toString(), "", "--max-tokens", "40", "--threads", "2");
    assertEquals(0, result.code(), result.err());
    String begin = " Once upon a time, there was a little girl named Lily. She";
    assertTrue(result.out().startsWith(begin), result.out());
    assertTrue(result.out().endsWith("\n"), result.out());
  }

  @Test
  void saysWhatItTook() {
    Cli result = run("abc", "--max-tokens", "8");
    assertEquals(0, result.code(), result.err());
    List<String> lines = result.err().lines().toList();
    assertEquals(5, lines.size(), result.err());
    // The token that begins, a blank, and three letters.
    assertTrue(
        lines.get(0).matches("prompt: 4 tokens in \\d+\\.\\d{3} s, [\\d.]+ tokens/s"),
        lines.get(0));
    assertTrue(lines.get(1).matches("writing: 7 tokens in .* tokens/s"), lines.get(1));
    // Two layers of two heads, 32 keys and values of 32 elements.
    assertEquals("cache: at most 1 page of 32 tokens at once, 0 shared, 32768 bytes", lines.get(2));
    assertEquals("end: --max-tokens 8", lines.get(3));
    assertTrue(lines.get(4).matches("plans: linear_.*, sdpa_.* on (CPU|Java).*"), lines.get(4));
  }

  @Test
  void theSameSeedWritesTheSameText() {
    String[] drawn = {"--temperature", "1.5", "--top-k", "50", "--top-p", "0.9", "--seed", "3"};
    Cli first = run("abc", drawn);
    assertEquals(0, first.code(), first.err());
    assertEquals(first.out(), run("abc", drawn).out());
    drawn[7] = "4";
    assertNotEquals(first.out(), run("abc", drawn).out());
    assertNotEquals(first.out(), run("abc").out());
    assertEquals(run("abc").out(), run("abc", "--threads", "1").out());
  }

  @Test
  void jsonHasTheTextAndTheTokens() throws IOException {
    Cli result = run("a\u0007b", "--max-tokens", "5", "--json");
    assertEquals(0, result.code(), result.err());
    assertEquals(1, result.out().lines().count());
    List<String> names = new ArrayList<>();
    int written = 0;
    try (JsonParser json = new JsonFactory().createParser(result.out())) {
      assertEquals(JsonToken.START_OBJECT, json.nextToken());
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String name = json.currentName();
        names.add(name);
        json.nextToken();
        if (name.equals("prompt")) {
          assertEquals("a\u0007b", json.getText());
        } else if (name.equals("end")) {
          assertEquals("length", json.getText());
        } else if (name.equals("tokens")) {
          while (json.nextToken() != JsonToken.END_ARRAY) {
            written++;
          }
        } else {
          json.skipChildren();
        }
      }
    }
    assertEquals(5, written);
    assertEquals(
        List.of(
            "prompt",
            "text",
            "prompt_tokens",
            "tokens",
            "end",
            "prompt_seconds",
            "seconds",
            "prompt_plans",
            "plans"),
        names);
  }

  @Test
  void theContextEndsTheText() {
    Cli result = run("b".repeat(1000), "--max-tokens", "100");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.err().contains("end: the model's context is full"), result.err());
    Cli tooLong = run("b".repeat(1200));
    check(1, "the prompt has 1202 tokens; allowed: less than the model's context, 1024", tooLong);
  }

  static Stream<Arguments> usageErrors() {
    return Stream.of(
        usage("--max-tokens must be 1 or more, not 0", "--max-tokens", "0"),
        usage("--temperature must be 0 or positive, not -1.0", "--temperature", "-1"),
        usage("--temperature must be 0 or positive, not NaN", "--temperature", "NaN"),
        usage("--n must be 1 or more, not 0", "--n", "0"),
        usage("--n must be 1 or more, not -3", "--n", "-3"),
        usage("--n", "--n", "some"),
        usage("--max-batch must be 1 to 4096, not 0", "--max-batch", "0"),
        usage("--max-batch must be 1 to 4096, not 5000", "--max-batch", "5000"),
        usage("--cache-mib must be 1 or more, not 0", "--cache-mib", "0"),
        usage("there are both a PROMPT, 'abc', and --prompts; allowed: one", "--prompts", "x.txt"),
        usage("--top-k must be 0 or more, not -2", "--top-k", "-2"),
        usage("--top-p must be more than 0 and at most 1, not 0.0", "--top-p", "0"),
        usage("--top-p must be more than 0 and at most 1, not 1.5", "--top-p", "1.5"),
        usage("--seed", "--seed", "many"),
        usage("--threads must be 0 or more, not -1", "--threads", "-1"),
        usage("unknown device 'tpu'", "--device", "tpu"),
        usage("--no-such-option", "--no-such-option"));
  }

  private static Arguments usage(String expected, String... options) {
    return Arguments.of(expected, options);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("usageErrors")
  void wrongUsageIsExitCode2(String expected, String[] options) {
    check(2, expected, run("abc", options));
  }

  @Test
  void filesThatCannotBeUsedAreNamed() throws IOException {
    check(2, "Missing required option: '--model=FILE'", Cli.run("generate", "abc"));
    check(2, "Missing required parameter: 'PROMPT'", Cli.run("generate", "--model", "x.gguf"));
    check(2, "no.gguf: it does not exist", Cli.run("generate", "--model", "no.gguf", "abc"));
    check(2, "it is no regular file", Cli.run("generate", "--model", folder.toString(), "abc"));
    Path text = Files.writeString(folder.resolve("text.gguf"), "no model, but a text");
    check(
        1,
        "cannot use " + text + ": the file begins with the bytes 6e 6f 20 6d; allowed: 47 47 55 46",
        Cli.run("generate", "--model", text.toString(), "abc"));
    byte[] cut = Arrays.copyOf(Files.readAllBytes(model()), 100_000);
    Path short_ = Files.write(folder.resolve("cut.gguf"), cut);
    check(
        1,
        "bytes of data that the file has",
        Cli.run("generate", "--model", short_.toString(), "abc"));
  }

  /** Whether there is one or not. */
  @Test
  void cudaIsNotForIt() {
    check(
        2,
        "--device cuda is not for generate; allowed: best, cpu, java",
        run("a", "--device", "cuda"));
  }

  /** Nobody waits for a text that nobody reads. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void stopsWhereNobodyReads(int count) {
    StringWriter err = new StringWriter();
    Writer closed =
        new Writer() {
          @Override
          public void write(char[] buffer, int offset, int length) throws IOException {
            throw new IOException("Broken pipe");
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    int code =
        Main.execute(
            closed,
            new PrintWriter(err),
            "generate",
            "--model",
            model().toString(),
            "abc",
            "--n",
            String.valueOf(count));
    assertEquals(1, code);
    assertEquals(
        "rapt generate: cannot write standard output: its reader has closed it\n", err.toString());
  }

  private Cli runAll(String... options) {
    List<String> args = new ArrayList<>(List.of("generate", "--model", model().toString()));
    args.addAll(Arrays.asList(options));
    return Cli.run(args.toArray(String[]::new));
  }

  private Path prompts(String text) throws IOException {
    return Files.writeString(folder.resolve("prompts.txt"), text);
  }

  /** What the command prints for one text, without the line end. */
  private String alone(String prompt, String... options) {
    Cli result = run(prompt, options);
    assertEquals(0, result.code(), result.err());
    return result.out().substring(0, result.out().length() - 1);
  }

  @Test
  void continuationsComeInOrder() {
    String[] drawn = {"--temperature", "1.5", "--max-tokens", "12", "--seed", "5"};
    String[] three = Stream.concat(Stream.of(drawn), Stream.of("--n", "3")).toArray(String[]::new);
    Cli result = run("abc", three);
    assertEquals(0, result.code(), result.err());
    String first = "--- 1 ---\n" + alone("abc", drawn) + "\n--- 2 ---\n";
    assertTrue(result.out().startsWith(first), result.out());
    assertTrue(result.out().indexOf("\n--- 3 ---\n") > first.length(), result.out());
    assertEquals(result.out(), run("abc", three).out());
    List<String> lines = result.err().lines().toList();
    assertTrue(lines.get(0).startsWith("prompt: 4 tokens in "), result.err());
    assertTrue(lines.get(1).startsWith("writing: 33 tokens in "), result.err());
    // Each has a copy of the page that the prompt fills in part, the last one that page itself.
    assertEquals(
        "cache: at most 3 pages of 32 tokens at once, 1 shared, 98304 bytes", lines.get(2));
    assertEquals("end: --max-tokens 12 (3 texts)", lines.get(3));
    assertEquals(5, lines.size(), result.err());
  }

  @Test
  void greedyContinuationsAreEqual() {
    String text = alone("abc", "--max-tokens", "6");
    Cli result = run("abc", "--max-tokens", "6", "--n", "2", "--max-batch", "1");
    assertEquals("--- 1 ---\n" + text + "\n--- 2 ---\n" + text + "\n", result.out());
    assertEquals(alone("abc", "--max-tokens", "6", "--n", "1"), text);
  }

  /** Numbered by their lines; a mark at the beginning, blank lines and line ends are no text. */
  @Test
  void promptsAreLines() throws IOException {
    Path file = prompts("\ufeffbcd\r\n\n  \nétude\n" + "e".repeat(300) + "\nb");
    String[] options = {"--temperature", "1", "--max-tokens", "9", "--max-batch", "2"};
    Cli result =
        runAll(
            Stream.concat(Stream.of("--prompts", file.toString()), Stream.of(options))
                .toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    String expected = "";
    String[] lines = {"1", "bcd", "4", "étude", "5", "e".repeat(300), "6", "b"};
    for (int i = 0; i < lines.length; i += 2) {
      expected += "--- " + lines[i] + " ---\n" + alone(lines[i + 1], options) + "\n";
    }
    assertEquals(expected, result.out());
  }

  /** The second text is over while the first prompt is still being read. */
  @Test
  void whoEndsFirstWaits() throws IOException {
    Path file = prompts("e".repeat(600) + "\nb\n");
    String[] options = {"--max-tokens", "2", "--max-batch", "4"};
    Cli result =
        runAll(
            Stream.concat(Stream.of("--prompts", file.toString()), Stream.of(options))
                .toArray(String[]::new));
    assertEquals(
        "--- 1 ---\n"
            + alone("e".repeat(600), options)
            + "\n--- 2 ---\n"
            + alone("b", options)
            + "\n",
        result.out());
  }

  @Test
  void promptsFromStandardInput() {
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream("bcd\nc\n".getBytes(StandardCharsets.UTF_8)));
    try {
      Cli result = runAll("--prompts", "-", "--max-tokens", "3");
      assertEquals(
          "--- 1 ---\n"
              + alone("bcd", "--max-tokens", "3")
              + "\n--- 2 ---\n"
              + alone("c", "--max-tokens", "3")
              + "\n",
          result.out());
    } finally {
      System.setIn(before);
    }
  }

  /** An object on a line for each; its seed writes it alone. */
  @Test
  void jsonOfSeveralTexts() throws IOException {
    String[] drawn = {"--json", "--max-tokens", "7", "--temperature", "2"};
    Cli result =
        run("abc", Stream.concat(Stream.of(drawn), Stream.of("--n", "3")).toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    List<String> lines = result.out().lines().toList();
    assertEquals(3, lines.size(), result.out());
    Pattern object =
        Pattern.compile(
            "\\{\"number\":(\\d+),\"seed\":(-?\\d+),\"prompt\":\"abc\",(\"text\":\".*\","
                + "\"prompt_tokens\":\\[[\\d,]+],\"tokens\":\\[[\\d,]*],\"end\":\"[a-z]+\")}");
    for (int i = 0; i < lines.size(); i++) {
      Matcher found = object.matcher(lines.get(i));
      assertTrue(found.matches(), lines.get(i));
      assertEquals(i + 1, Integer.parseInt(found.group(1)));
      String[] again =
          Stream.concat(Stream.of(drawn), Stream.of("--seed", found.group(2)))
              .toArray(String[]::new);
      String alone = run("abc", again).out();
      assertTrue(alone.startsWith("{\"prompt\":\"abc\"," + found.group(3)), alone);
    }
    Path file = prompts("\nb\n");
    Cli line = runAll("--prompts", file.toString(), "--json", "--max-tokens", "2");
    assertTrue(line.out().startsWith("{\"number\":2,\"seed\":1,\"prompt\":\"b\","), line.out());
  }

  /** Everything is looked at before anything is written. */
  @Test
  void promptsThatCannotBeUsedAreNamed() throws IOException {
    Path file = prompts("");
    check(2, file + " has no line with text in it; allowed: one prompt or more", all(file));
    check(2, file + " has no line with text in it", all(prompts("\n \n")));
    check(
        1,
        "line 3: the prompt has 1202 tokens; allowed: less than the model's context, 1024",
        all(prompts("b\n\n" + "b".repeat(1200) + "\n")));
    Files.write(file, new byte[] {'b', '\n', 'c', (byte) 0xff, '\n'});
    check(1, "cannot use " + file + ": line 2 is not UTF-8 text: its byte 2 is 0xff", all(file));
    check(2, "no.txt: it does not exist", all(Path.of("no.txt")));
    check(2, "it is a folder", all(folder));
    check(
        2,
        "--n is for one PROMPT and not for --prompts; allowed: one of the two",
        runAll("--prompts", file.toString(), "--n", "2"));
    // Two continuations of 31 pages and a part of one: that part is there twice.
    check(
        1,
        "the prompt has 1002 tokens and its text may have 23, whose keys and values take 1081344"
            + " bytes; allowed: 1048576, the cache's limit",
        run("b".repeat(1000), "--n", "2", "--cache-mib", "1", "--max-tokens", "23"));
  }

  private Cli all(Path prompts) {
    return runAll("--prompts", prompts.toString());
  }

  /** More texts than the cache has room for at once wait for each other. */
  @Test
  void aSmallCacheIsEnough() throws IOException {
    Path file = prompts(("b".repeat(600) + "\n").repeat(3));
    Cli result =
        runAll("--prompts", file.toString(), "--cache-mib", "1", "--max-tokens", "12", "--json");
    assertEquals(0, result.code(), result.err());
    assertEquals(3, result.out().lines().count());
    assertTrue(result.err().contains("cache: at most 20 pages of 32 tokens at"), result.err());
    Cli large = runAll("--prompts", file.toString(), "--max-tokens", "12", "--json");
    assertEquals(large.out(), result.out());
    // The third one is a few tokens behind.
    assertTrue(large.err().contains("cache: at most 59 pages of 32 tokens at"), large.err());
  }

  private static void check(int code, String expected, Cli result) {
    assertEquals(code, result.code(), result.err());
    assertEquals("", result.out());
    assertTrue(result.err().contains(expected), result.err());
    assertTrue(result.err().startsWith("rapt generate: "), result.err());
    assertEquals(1, result.err().lines().count(), result.err());
  }
}
