// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.rapt.check.Cuda;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code rapt embed} from the file of lines to the JSON lines. */
class EmbedCommandTest {
  @TempDir private Path directory;

  @Test
  void embedsEachLineInOrder() throws IOException {
    Path file = directory.resolve("lines.txt");
    Files.writeString(
        file,
        "Cats are small animals that purr.\n\nA kitten is a young cat.\r\n"
            + "word ".repeat(400)
            + "\nThe central bank raised interest rates.");

    Cli result = Cli.run("embed", file.toString(), "--device", "cpu");

    assertEquals(0, result.code(), result.err());
    List<Result> results = Result.read(result.out());
    assertEquals(List.of(1L, 3L, 4L, 5L), results.stream().map(r -> r.line).toList());
    assertEquals("A kitten is a young cat.", results.get(1).text);
    for (Result one : results) {
      assertEquals(384, one.embedding.size());
      assertEquals(1.0, one.dot(one), 1e-5);
    }
    double near = results.get(0).dot(results.get(1));
    double far = results.get(0).dot(results.get(3));
    assertTrue(near > far + 0.3, "near " + near + ", far " + far);
    assertTrue(
        result.err().contains("lines cut off after 256 tokens, all that the model takes: 1"),
        result.err());
    assertTrue(result.err().contains("blank lines skipped: 1"), result.err());
    assertTrue(
        Pattern.compile("4 sentences, \\d+ tokens in .* sentences/s, \\d+ tokens/s on cpu")
            .matcher(result.err())
            .find(),
        result.err());
  }

  @Test
  void embedsOnAGpuToo() throws IOException {
    Cuda.use();
    Path file = directory.resolve("lines.txt");
    Files.writeString(file, "A cat.\nA kitten is a young cat.\nOne.\n");
    Cli onGpu = Cli.run("embed", file.toString(), "--device", "cuda");
    assertEquals(0, onGpu.code(), onGpu.err());
    assertTrue(onGpu.err().contains("on cuda:0"), onGpu.err());
    List<Result> expected = Result.read(Cli.run("embed", file.toString(), "--device", "cpu").out());
    List<Result> actual = Result.read(onGpu.out());
    assertEquals(3, actual.size());
    for (int i = 0; i < 3; i++) {
      assertEquals(1, expected.get(i).dot(actual.get(i)), 1e-5);
    }
  }

  @Test
  void writesAFileAndNothingElse() throws IOException {
    Path file = directory.resolve("lines.txt");
    Path output = directory.resolve("embeddings.jsonl");
    Files.writeString(file, "one\ntwo\n");
    Cli result = Cli.run("embed", file.toString(), "--out", output.toString());
    assertEquals(0, result.code(), result.err());
    assertEquals("", result.out());
    String written = Files.readString(output);
    assertTrue(written.endsWith("}\n"), "the last line has no end");
    assertEquals(2, written.lines().count());
    assertEquals(2, Result.read(written).size());
  }

  private static final class Result {
    long line;
    String text = "";
    final List<Double> embedding = new ArrayList<>();

    double dot(Result other) {
      double sum = 0;
      for (int i = 0; i < embedding.size(); i++) {
        sum += embedding.get(i) * other.embedding.get(i);
      }
      return sum;
    }

    static List<Result> read(String lines) throws IOException {
      List<Result> results = new ArrayList<>();
      for (String line : lines.lines().toList()) {
        Result result = new Result();
        try (JsonParser json = new JsonFactory().createParser(line)) {
          for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
            switch (token) {
              case VALUE_STRING -> result.text = json.getText();
              case VALUE_NUMBER_INT -> result.line = json.getLongValue();
              case VALUE_NUMBER_FLOAT -> result.embedding.add(json.getDoubleValue());
              default -> {}
            }
          }
        }
        results.add(result);
      }
      return results;
    }
  }
}
