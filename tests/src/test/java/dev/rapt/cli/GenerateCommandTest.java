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
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

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
    assertEquals(4, lines.size(), result.err());
    // The token that begins, a blank, and three letters.
    assertTrue(
        lines.get(0).matches("prompt: 4 tokens in \\d+\\.\\d{3} s, [\\d.]+ tokens/s"),
        lines.get(0));
    assertTrue(lines.get(1).matches("writing: 7 tokens in .* tokens/s"), lines.get(1));
    assertEquals("end: --max-tokens 8", lines.get(2));
    assertTrue(lines.get(3).matches("plans: linear_.*, sdpa_.* on (CPU|Java).*"), lines.get(3));
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
  @Test
  void stopsWhereNobodyReads() {
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
            closed, new PrintWriter(err), "generate", "--model", model().toString(), "abc");
    assertEquals(1, code);
    assertEquals(
        "rapt generate: cannot write standard output: its reader has closed it\n", err.toString());
  }

  private static void check(int code, String expected, Cli result) {
    assertEquals(code, result.code(), result.err());
    assertEquals("", result.out());
    assertTrue(result.err().contains(expected), result.err());
    assertTrue(result.err().startsWith("rapt generate: "), result.err());
    assertEquals(1, result.err().lines().count(), result.err());
  }
}
