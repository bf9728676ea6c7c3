// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.check.Tier;
import dev.rapt.models.gguf.GgufFile;
import dev.rapt.models.tokens.GgufTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Texts that are written together against each alone: the tokens are the same. */
class TextBatchTest {
  private static final long PAGE_BYTES = 32768;
  private static final Sampling DRAWN = new Sampling(1.2, 60, 0.95, 9);

  private GgufFile file;
  private GgufTokenizer tokenizer;
  private LlamaModel model;
  private TextGenerator generator;

  @BeforeEach
  void open(@TempDir Path folder) throws IOException {
    file = GgufFile.open(TinyLlama.file(folder.resolve("tiny.gguf")));
    tokenizer = GgufTokenizer.read(file);
    model = LlamaModel.load(Tier.usable().getLast().device(2), file);
    generator = new TextGenerator(model, tokenizer);
  }

  @AfterEach
  void close() throws IOException {
    model.close();
    tokenizer.close();
    file.close();
  }

  private static String prompt(Random random, int letters) {
    StringBuilder prompt = new StringBuilder();
    for (int i = 0; i < letters; i++) {
      prompt.append((char) ('b' + random.nextInt(25))); // each a token; pairs begin with a
    }
    return prompt.toString();
  }

  private static List<Integer> alone(
      TextGenerator generator, String prompt, Sampling sampling, int maxTokens) {
    return generator.generate(prompt, sampling, maxTokens, text -> {}).tokens();
  }

  /** Some long, some short, more than there is room for at once, in several chunks. */
  @ParameterizedTest
  @CsvSource({"1, 0", "3, 0", "16, 0", "3, 24", "16, 24"})
  void everyTextIsAsIfAlone(int mostTexts, int pages) {
    Random random = new Random(1);
    int[] lengths = {3, 300, 1, 40, 520, 31, 32, 33, 7, 255, 256, 90};
    TextBatch batch =
        pages == 0
            ? generator.newBatch(mostTexts)
            : generator.newBatch(mostTexts, pages * PAGE_BYTES);
    List<String> prompts = new ArrayList<>();
    List<Integer> most = new ArrayList<>();
    for (int length : lengths) {
      prompts.add(prompt(random, length));
      most.add(1 + random.nextInt(30));
      batch.add(prompts.getLast(), 1, DRAWN, most.getLast());
    }
    List<Generated> texts = new ArrayList<>();
    BatchStatistics statistics = batch.run(texts::add);
    assertEquals(lengths.length, texts.size());
    Set<Integer> seen = new HashSet<>();
    int prompted = 0;
    int computed = 0;
    for (Generated text : texts) {
      int of = text.prompt();
      assertTrue(seen.add(of), "prompt " + of);
      assertEquals(alone(generator, prompts.get(of), DRAWN, most.get(of)), text.tokens());
      assertEquals(tokens(prompts.get(of)), text.promptTokens());
      prompted += text.promptTokens().size();
      computed += computed(text);
    }
    assertEquals(prompted, statistics.prompts().tokens());
    assertEquals(computed, statistics.writing().tokens());
    assertTrue(pages == 0 || statistics.mostPages() <= pages, "pages " + statistics.mostPages());
  }

  private List<Integer> tokens(String prompt) {
    return Arrays.stream(tokenizer.encode(prompt)).boxed().toList();
  }

  /** The first token comes with the prompt, and the one that ends a text takes its time, too. */
  private static int computed(Generated text) {
    return text.tokens().size() - (text.end() == Generated.End.TOKEN ? 0 : 1);
  }

  @Test
  void tokensThatTookTimeAreCounted() {
    Set<Generated.End> ends = new HashSet<>();
    for (int seed = 0; seed < 100 && !ends.contains(Generated.End.TOKEN); seed++) {
      TextBatch batch = generator.newBatch(2);
      batch.add("b".repeat(1000), 1, new Sampling(5, 0, 1, seed), 100);
      batch.add("b", 1, new Sampling(5, 0, 1, seed), 50);
      List<Generated> texts = new ArrayList<>();
      BatchStatistics statistics = batch.run(texts::add);
      assertEquals(
          texts.stream().mapToInt(TextBatchTest::computed).sum(), statistics.writing().tokens());
      texts.forEach(text -> ends.add(text.end()));
    }
    assertEquals(Set.of(Generated.End.values()), ends);
  }

  @Test
  void continuationsUseTheirPromptOnce() {
    String prompt = prompt(new Random(2), 98); // with two tokens before: three pages and 4 tokens
    TextBatch batch = generator.newBatch(8);
    batch.add(prompt, 8, DRAWN, 10);
    List<Generated> texts = new ArrayList<>();
    BatchStatistics statistics = batch.run(texts::add);
    assertEquals(100, statistics.prompts().tokens());
    assertEquals(3 + 8, statistics.mostPages());
    assertEquals(4, statistics.mostShared()); // until each has a copy of the last one
    assertEquals(11 * PAGE_BYTES, statistics.mostBytes());
    assertEquals(8, texts.size());
    Set<List<Integer>> different = new HashSet<>();
    for (Generated text : texts) {
      Sampling own = DRAWN.ofContinuation(text.continuation());
      assertEquals(own.seed(), text.seed());
      assertEquals(alone(generator, prompt, own, 10), text.tokens());
      different.add(text.tokens());
    }
    assertEquals(8, different.size());
  }

  /**
   * With room for one after the other only, and for as many at once as pages allow: three that are
   * shared, one that is kept for those who wait, and one for each.
   */
  @ParameterizedTest
  @CsvSource({"8, 5, 5", "8, 6, 6", "3, 11, 7", "1, 11, 5"})
  void continuationsWaitForPages(int mostTexts, int pages, int used) {
    String prompt = prompt(new Random(2), 98);
    TextBatch batch = generator.newBatch(mostTexts, pages * PAGE_BYTES);
    batch.add(prompt, 8, DRAWN, 10);
    List<Generated> texts = new ArrayList<>();
    BatchStatistics statistics = batch.run(texts::add);
    assertEquals(8, texts.size());
    for (Generated text : texts) {
      Sampling own = DRAWN.ofContinuation(text.continuation());
      assertEquals(alone(generator, prompt, own, 10), text.tokens());
    }
    assertEquals(used, statistics.mostPages());
  }

  /** Two prompts of several continuations each do not wait for each other for ever. */
  @Test
  void promptsOfSeveralContinuationsShareASmallCache() {
    Random random = new Random(6);
    for (int pages = 6; pages < 16; pages++) {
      TextBatch batch = generator.newBatch(5, pages * PAGE_BYTES);
      List<String> prompts = List.of(prompt(random, 98), prompt(random, 40), prompt(random, 62));
      for (String prompt : prompts) {
        batch.add(prompt, 3, DRAWN, 40);
      }
      List<Generated> texts = new ArrayList<>();
      BatchStatistics statistics = batch.run(texts::add);
      assertEquals(9, texts.size());
      assertTrue(statistics.mostPages() <= pages, statistics.mostPages() + " of " + pages);
      for (Generated text : texts) {
        Sampling own = DRAWN.ofContinuation(text.continuation());
        assertEquals(alone(generator, prompts.get(text.prompt()), own, 40), text.tokens());
      }
    }
  }

  /** A page for each text at most, beside what the tokens fill. */
  @Test
  void littleMemoryIsWasted() {
    TextBatch batch = generator.newBatch(4);
    Random random = new Random(8);
    for (int i = 0; i < 4; i++) {
      batch.add(prompt(random, 30 + i), 1, Sampling.GREEDY, 20);
    }
    int[] longest = new int[1];
    BatchStatistics statistics =
        batch.run(text -> longest[0] += text.promptTokens().size() + text.tokens().size());
    assertTrue(statistics.mostPages() <= longest[0] / 32 + 4, statistics.toString());
  }

  @Test
  void seedsOfContinuationsDiffer() {
    Set<Long> seeds = new HashSet<>();
    for (long seed = 0; seed < 10; seed++) {
      Sampling first = new Sampling(1, 0, 1, seed);
      assertEquals(first, first.ofContinuation(1));
      for (int number = 1; number <= 10; number++) {
        assertTrue(seeds.add(first.ofContinuation(number).seed()), seed + ", " + number);
      }
    }
    assertNotEquals(DRAWN, DRAWN.ofContinuation(2));
  }

  /** What a listener throws ends the batch, and another one may follow. */
  @Test
  void aListenerEndsTheBatch() {
    TextBatch batch = generator.newBatch(2);
    batch.add("abc", 3, DRAWN, 20);
    List<String> parts = new ArrayList<>();
    TextListener leaving =
        new TextListener() {
          @Override
          public void written(int prompt, int continuation, String part) {
            parts.add(part);
            throw new UnsupportedOperationException("enough");
          }

          @Override
          public void finished(Generated text) {}
        };
    assertThrows(UnsupportedOperationException.class, () -> batch.run(leaving));
    assertEquals(1, parts.size());
    batch.add("abc", 1, DRAWN, 20);
    List<Generated> texts = new ArrayList<>();
    batch.run(texts::add);
    assertEquals(1, texts.size());
  }

  @Test
  void whatCannotBeWrittenIsNamed() {
    TextBatch batch = generator.newBatch(2, 5 * PAGE_BYTES);
    refused("there are 0 prompts; allowed: 1 or more", () -> batch.run(text -> {}));
    refused("the continuations to write are 0; allowed: 1 or more", batch, "a", 0, 5);
    refused("the tokens to write are 0; allowed: 1 or more", batch, "a", 1, 0);
    refused(
        "the prompt has 1024 tokens; allowed: less than the model's context, 1024",
        batch,
        "b".repeat(1022),
        1,
        5);
    // A page for 32 tokens; the last one that is written needs no place.
    batch.add("b".repeat(98), 1, Sampling.GREEDY, 61);
    refused(
        "the prompt has 100 tokens and its text may have 62, whose keys and values take 196608"
            + " bytes; allowed: 163840, the cache's limit",
        batch,
        "b".repeat(98),
        1,
        62);
    refused("take 196608 bytes", batch, "b".repeat(98), 2, 61);
    refused("the texts at once are 0; allowed: 1 to 4096", () -> generator.newBatch(0));
    refused("the texts at once are 4097; allowed: 1 to 4096", () -> generator.newBatch(4097));
    refused("the bytes of the cache are 0; allowed: 1 or more", () -> generator.newBatch(1, 0));
  }

  private static void refused(
      String expected, TextBatch batch, String prompt, int continuations, int maxTokens) {
    refused(expected, () -> batch.add(prompt, continuations, Sampling.GREEDY, maxTokens));
  }

  private static void refused(String expected, Runnable call) {
    String message = assertThrows(IllegalArgumentException.class, call::run).getMessage();
    assertTrue(message.contains(expected), message);
  }
}
