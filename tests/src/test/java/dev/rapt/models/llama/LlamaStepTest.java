// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.sun.management.ThreadMXBean;
import dev.rapt.Device;
import dev.rapt.Tensor;
import dev.rapt.cache.CacheFullException;
import dev.rapt.cache.KvCache;
import dev.rapt.cache.Sequence;
import dev.rapt.check.Tier;
import dev.rapt.models.gguf.GgufFile;
import dev.rapt.models.gguf.GgufType;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Texts in one step against each alone: the logits have the same bits. */
class LlamaStepTest {
  @TempDir private Path folder;

  private GgufFile open(GgufType type) throws IOException {
    return GgufFile.open(Files.write(folder.resolve("tiny.gguf"), TinyLlama.of(type).bytes()));
  }

  static Stream<Tier> tiers() {
    return Tier.usable().stream();
  }

  private static int[] draw(Random random, int count) {
    return random.ints(count, 0, TinyLlama.VOCABULARY).toArray();
  }

  /** A text in the cache under test, and the same text alone. */
  private record Text(Sequence sequence, LlamaSequence alone) {}

  /** Unused memory is NaN, so that whatever is read from there shows. */
  private static void poison(KvCache cache) {
    for (int layer = 0; layer < cache.layers(); layer++) {
      for (Tensor rows : new Tensor[] {cache.keys(layer), cache.values(layer)}) {
        rows.fill(Float.NaN);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tiers")
  void everyTextIsAsIfAlone(Tier tier) throws IOException {
    Random random = new Random(3);
    Device device = tier.device(Tier.SEVERAL_THREADS);
    try (GgufFile file = open(GgufType.Q8_0);
        LlamaModel model = LlamaModel.load(device, file);
        KvCache cache = model.newCache(640);
        LlamaStep step = new LlamaStep(model, cache, 4, 300, 160)) {
      poison(cache);
      List<Text> texts = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        texts.add(new Text(cache.newSequence(), model.newSequence(160)));
      }
      // Prompts beside single tokens, in any order, across the ends of pages.
      int[][] steps = {{40, 1, 0, 0}, {1, 1, 33, 0}, {1, 30, 1, 97}, {1, 1, 1, 1}, {31, 1, 2, 1}};
      for (int[] counts : steps) {
        step(random, step, texts, counts);
      }
      for (Text text : texts) {
        text.alone.close();
      }
    }
  }

  private static void step(Random random, LlamaStep step, List<Text> texts, int[] counts) {
    List<float[]> expected = new ArrayList<>();
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] == 0) {
        continue;
      }
      int[] tokens = draw(random, counts[i]);
      expected.add(texts.get(i).alone.append(tokens).clone());
      int number =
          counts[i] == 1
              ? step.add(texts.get(i).sequence, tokens[0])
              : step.add(texts.get(i).sequence, tokens, 0, tokens.length, true);
      assertEquals(expected.size() - 1, number);
    }
    step.plan();
    step.run();
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), step.logits(i), "text " + i);
    }
  }

  @ParameterizedTest
  @MethodSource("tiers")
  void forksAreAsIfAlone(Tier tier) throws IOException {
    Random random = new Random(4);
    Device device = tier.device(2);
    int[] prompt = draw(random, 45); // a page, and a part of one
    try (GgufFile file = open(GgufType.F32);
        LlamaModel model = LlamaModel.load(device, file);
        KvCache cache = model.newCache(640);
        LlamaStep step = new LlamaStep(model, cache, 8, 64, 64);
        Sequence parent = cache.newSequence()) {
      poison(cache);
      step.add(parent, prompt, 0, prompt.length, false);
      step.plan();
      step.run();
      List<Text> texts = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        Text text = new Text(parent.fork(), model.newSequence(64));
        text.alone.append(prompt);
        texts.add(text);
      }
      assertEquals(2, cache.statistics().used());
      assertEquals(2, cache.statistics().shared());
      step(random, step, texts, new int[] {1, 1, 1, 1, 1, 1, 1, 1});
      // The full page is there once, the other one for each of them and for the parent.
      assertEquals(1 + 9, cache.statistics().used());
      assertEquals(1, cache.statistics().shared());
      step(random, step, texts, new int[] {1, 2, 1, 3, 0, 1, 1, 17});
      for (Text text : texts) {
        text.alone.close();
      }
    }
  }

  /** Several texts cost no garbage either, once the step has its size and the tables theirs. */
  @Test
  void writingSeveralTextsAllocatesNothing() throws IOException {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (GgufFile file = open(GgufType.Q8_0);
        LlamaModel model = LlamaModel.load(Tier.usable().getLast().device(), file);
        KvCache cache = model.newCache(4 * 256);
        LlamaStep step = new LlamaStep(model, cache, 4, 4, 256)) {
      long least = Long.MAX_VALUE;
      for (int round = 0; round < 40 && least > 0; round++) {
        Sequence[] texts = new Sequence[4];
        for (int i = 0; i < texts.length; i++) {
          texts[i] = cache.newSequence(250);
        }
        write(step, texts, 0);
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int token = 0; token < 240; token++) {
          write(step, texts, token);
        }
        least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        for (Sequence text : texts) {
          text.close();
        }
      }
      assertEquals(0, least, "bytes of 240 steps");
    }
  }

  private static void write(LlamaStep step, Sequence[] texts, int token) {
    for (int i = 0; i < texts.length; i++) {
      step.add(texts[i], token + i);
    }
    step.plan();
    step.run();
    for (int i = 0; i < texts.length; i++) {
      step.logits(i);
    }
  }

  /** A step that found the cache full can be rolled back, and all texts are as before. */
  @Test
  void aFullCacheChangesNothing() throws IOException {
    try (GgufFile file = open(GgufType.F32);
        LlamaModel model = LlamaModel.load(Tier.usable().getLast().device(), file);
        KvCache cache = model.newCache(64);
        LlamaStep step = new LlamaStep(model, cache, 2, 64, 64);
        LlamaSequence alone = model.newSequence(64);
        Sequence first = cache.newSequence();
        Sequence second = cache.newSequence()) {
      int[] tokens = draw(new Random(5), 40);
      step.add(first, tokens, 0, 20, true);
      assertThrows(CacheFullException.class, () -> step.add(second, tokens, 0, 40, true));
      step.rollback();
      assertEquals(0, cache.statistics().used());
      assertEquals(0, first.length());
      step.add(first, tokens, 0, 40, true);
      step.plan();
      step.run();
      assertArrayEquals(alone.append(tokens), step.logits(0));
    }
  }
}
