// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.rapt.check.Cuda;
import java.awt.Font;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code rapt explain} from the text to the files. */
class ExplainCommandTest {
  private static final String CAT = "The cat sat on the mat because it was tired.";
  private static final List<String> CAT_TOKENS =
      List.of(
          "[CLS]", "the", "cat", "sat", "on", "the", "mat", "because", "it", "was", "tired", ".",
          "[SEP]");

  @TempDir private Path directory;

  @Test
  void showsTheHeadInWhichItLooksAtTheCat() throws IOException {
    Cli result = Cli.run("explain", CAT, "--out", directory.toString(), "--device", "cpu");

    assertEquals(0, result.code(), result.err());
    assertEquals("", result.err());
    Matcher link =
        Pattern.compile("it -> cat (\\S+) \\(layer (\\d+), head (\\d+)\\)").matcher(result.out());
    assertTrue(link.find(), result.out());
    assertEquals(0.71, Double.parseDouble(link.group(1)), 0.011);
    assertEquals("5", link.group(2));
    assertEquals("11", link.group(3));
    assertTrue(result.out().contains("Head shown: layer 5, head 11"), result.out());
    assertTrue(result.out().contains("0:[CLS] 1:the 2:cat"), result.out());
    assertTrue(
        Pattern.compile("(?m)^ +5( +\\d+\\.\\d{3}){4}$").matcher(result.out()).find(),
        result.out());
    assertTrue(result.out().contains("attention     sdpa_"), result.out());

    Weights weights = Weights.read(directory.resolve("weights.json"));
    assertEquals(CAT_TOKENS, weights.tokens);
    assertEquals(6 * 12 * 13 * 13, weights.values.size());
    assertEquals(0.71, weights.at(5, 11, 8, 2), 0.011);
    for (int row = 0; row < 6 * 12 * 13; row++) {
      double sum =
          weights.values.subList(row * 13, (row + 1) * 13).stream().mapToDouble(x -> x).sum();
      assertEquals(1.0, sum, 1e-5, "row " + row);
    }

    BufferedImage image = ImageIO.read(directory.resolve("heatmap.png").toFile());
    assertNotNull(image);
    assertTrue(image.getWidth() > 500 && image.getWidth() < 2000, "width " + image.getWidth());
    assertTrue(image.getHeight() > 500 && image.getHeight() < 2000, "height " + image.getHeight());
  }

  @Test
  void showsTheHeadItIsToldTo() {
    Cli result =
        Cli.run("explain", CAT, "--out", directory.toString(), "--layer", "2", "--head", "3");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("Head shown: layer 2, head 3"), result.out());
    assertFalse(result.out().contains("layer 5"), result.out());
  }

  @Test
  void staysInTheLayerItIsToldTo() {
    Cli result = Cli.run("explain", CAT, "--out", directory.toString(), "--layer", "0");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("Head shown: layer 0, head "), result.out());
  }

  @Test
  void takesTheJavaReferenceToo() {
    Cli result = Cli.run("explain", CAT, "--out", directory.toString(), "--device", "JAVA");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("it -> cat 0.71 (layer 5, head 11)"), result.out());
  }

  @Test
  void takesAGpuToo() {
    Cuda.use();
    Cli result = Cli.run("explain", CAT, "--out", directory.toString(), "--device", "cuda");
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("it -> cat 0.71 (layer 5, head 11)"), result.out());
    assertTrue(result.out().contains("_cuda_"), result.out());
  }

  @Test
  void copesWithOddTexts() throws IOException {
    List<String> texts =
        List.of(
            "?",
            "x",
            "😀",
            "東京",
            "it",
            "half \ud83d a pair",
            "e" + "\u0301".repeat(5000),
            "x".repeat(100_000),
            "the of [PAD] [MASK] [SEP]");
    for (String text : texts) {
      String shown = text.substring(0, Math.min(20, text.length()));
      Cli result = Cli.run("explain", text, "--out", directory.toString());
      assertEquals(0, result.code(), shown + ": " + result.err());
      assertNotNull(ImageIO.read(directory.resolve("heatmap.png").toFile()), shown);
    }
  }

  /** A terminal that orders text by direction leaves everything around a word in its place. */
  @Test
  void isolatesRightToLeftWords() {
    Cli result = Cli.run("explain", "שלום peace", "--out", directory.toString());
    assertEquals(0, result.code(), result.err());
    Matcher word = Pattern.compile("[^\u2068]?[\u05d0-\u05ea]+[^\u2069]?").matcher(result.out());
    assertTrue(result.out().contains("\u2068"), result.out());
    while (word.find()) {
      int from = result.out().lastIndexOf('\u2068', word.start());
      int to = result.out().indexOf('\u2069', from);
      assertTrue(from >= 0 && to >= word.end() - 1, result.out());
    }
    assertEquals(
        result.out().chars().filter(c -> c == '\u2068').count(),
        result.out().chars().filter(c -> c == '\u2069').count());
  }

  @Test
  void namesTheFontThatIsMissing() {
    Assumptions.assumeFalse(
        new Font(Font.SANS_SERIF, Font.PLAIN, 12).canDisplay(0x10600), "a font has Linear A");
    Cli result = Cli.run("explain", "\ud801\ude00", "--out", directory.toString());
    assertEquals(0, result.code(), result.err());
    assertTrue(
        result
            .err()
            .contains("heatmap.png shows codes, because no font here has Linear A; install"),
        result.err());
  }

  @Test
  void saysThatALongTextWasCut() throws IOException {
    Cli result = Cli.run("explain", "word ".repeat(300), "--out", directory.toString());
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().contains("its end was cut off"), result.out());
    assertEquals(256, Weights.read(directory.resolve("weights.json")).tokens.size());
  }

  @Test
  void createsTheFolderAndReplacesOldFiles() throws IOException {
    Path nested = directory.resolve("a/b");
    Files.createDirectories(nested);
    Files.writeString(nested.resolve("weights.json"), "old ".repeat(1_000_000));
    Cli result = Cli.run("explain", "Hello there.", "--out", nested.toString());
    assertEquals(0, result.code(), result.err());
    assertEquals(5, Weights.read(nested.resolve("weights.json")).tokens.size());
  }

  /** weights.json, the nested arrays flattened. */
  private static final class Weights {
    final List<String> tokens = new ArrayList<>();
    final List<Double> values = new ArrayList<>();

    static Weights read(Path file) throws IOException {
      Weights weights = new Weights();
      int deepest = 0;
      int depth = 0;
      try (JsonParser json = new JsonFactory().createParser(file.toFile())) {
        for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
          switch (token) {
            case START_ARRAY -> deepest = Math.max(deepest, ++depth);
            case END_ARRAY -> depth--;
            case VALUE_STRING -> {
              if (depth == 1) {
                weights.tokens.add(json.getText());
              }
            }
            case VALUE_NUMBER_FLOAT -> weights.values.add(json.getDoubleValue());
            case VALUE_NUMBER_INT, START_OBJECT, END_OBJECT, FIELD_NAME -> {}
            default -> throw new IOException("unexpected " + token + " in " + file);
          }
        }
      }
      assertEquals(weights.values.isEmpty() ? 1 : 4, deepest);
      return weights;
    }

    double at(int layer, int head, int query, int key) {
      int count = tokens.size();
      return values.get(((layer * 12 + head) * count + query) * count + key);
    }
  }
}
