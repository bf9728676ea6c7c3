// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.rapt.Device;
import dev.rapt.check.Tier;
import dev.rapt.models.Shared;
import dev.rapt.models.gguf.GgufFile;
import dev.rapt.models.tokens.GgufTokenizer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A real model, stories260K, against what an independent forward in double of its f32 weights has
 * written. Needs ../shared/models, and says so where that is not there.
 */
class StoriesTest {
  private static final String FOLDER = "stories260K/";

  /** One prompt of expected.json. */
  private record Story(
      String prompt, int[] ids, double[] logits, List<Integer> greedyIds, String greedyText) {}

  private static List<Story> stories() throws IOException {
    List<Story> stories = new ArrayList<>();
    try (JsonParser json =
        new JsonFactory().createParser(Shared.file(FOLDER + "expected.json").toFile())) {
      json.nextToken();
      while (json.nextToken() == JsonToken.START_OBJECT) {
        stories.add(story(json));
      }
    }
    assertTrue(stories.size() > 1);
    return stories;
  }

  private static Story story(JsonParser json) throws IOException {
    String prompt = "";
    String text = "";
    double[] ids = {};
    double[] logits = {};
    double[] greedy = {};
    while (json.nextToken() != JsonToken.END_OBJECT) {
      String name = json.currentName();
      json.nextToken();
      switch (name) {
        case "prompt" -> prompt = json.getText();
        case "greedy_text" -> text = json.getText();
        case "prompt_ids" -> ids = numbers(json);
        case "logits_after_prompt" -> logits = numbers(json);
        case "greedy_ids" -> greedy = numbers(json);
        default -> json.skipChildren();
      }
    }
    List<Integer> greedyIds = Arrays.stream(greedy).mapToObj(id -> (int) id).toList();
    return new Story(
        prompt, Arrays.stream(ids).mapToInt(id -> (int) id).toArray(), logits, greedyIds, text);
  }

  private static double[] numbers(JsonParser json) throws IOException {
    List<Double> numbers = new ArrayList<>();
    while (json.nextToken() != JsonToken.END_ARRAY) {
      numbers.add(json.getDoubleValue());
    }
    return numbers.stream().mapToDouble(Double::doubleValue).toArray();
  }

  static Stream<Tier> tiers() {
    return Tier.usable().stream();
  }

  @ParameterizedTest
  @MethodSource("tiers")
  void tokensLogitsAndText(Tier tier) throws IOException {
    try (GgufFile file = GgufFile.open(Shared.file(FOLDER + "stories260K-f32.gguf"));
        GgufTokenizer tokenizer = GgufTokenizer.read(file);
        LlamaModel model = LlamaModel.load(tier.device(2), file)) {
      for (Story story : stories()) {
        assertArrayEquals(story.ids, tokenizer.encode(story.prompt));
        try (LlamaSequence sequence = model.newSequence(100)) {
          float[] logits = sequence.append(story.ids);
          for (int i = 0; i < logits.length; i++) {
            assertEquals(story.logits[i], logits[i], 1e-3, "logit " + i);
          }
        }
        StringBuilder text = new StringBuilder();
        Generated generated =
            new TextGenerator(model, tokenizer)
                .generate(story.prompt, Sampling.GREEDY, story.greedyIds.size(), text::append);
        assertEquals(story.greedyIds, generated.tokens());
        assertEquals(story.greedyText, text.toString());
      }
    }
  }

  /** All stories written together are what each is alone, with fewer places than stories, too. */
  @ParameterizedTest
  @MethodSource("tiers")
  void togetherAsAlone(Tier tier) throws IOException {
    try (GgufFile file = GgufFile.open(Shared.file(FOLDER + "stories260K-f32.gguf"));
        GgufTokenizer tokenizer = GgufTokenizer.read(file);
        LlamaModel model = LlamaModel.load(tier.device(2), file)) {
      List<Story> stories = stories();
      TextGenerator generator = new TextGenerator(model, tokenizer);
      for (int most : new int[] {2, stories.size()}) {
        TextBatch batch = generator.newBatch(most);
        for (Story story : stories) {
          batch.add(story.prompt, 1, Sampling.GREEDY, story.greedyIds.size());
        }
        List<Generated> texts = new ArrayList<>();
        batch.run(texts::add);
        assertEquals(stories.size(), texts.size());
        for (Generated text : texts) {
          assertEquals(stories.get(text.prompt()).greedyIds, text.tokens());
          assertEquals(stories.get(text.prompt()).greedyText, text.text());
        }
      }
    }
  }

  /** Of a prompt of several pages there is one copy, whatever the continuations. */
  @ParameterizedTest
  @ValueSource(strings = {"f32", "f16", "q8_0"})
  void continuationsUseTheirPromptOnce(String type) throws IOException {
    Device device = Tier.usable().getLast().device(2);
    try (GgufFile file = GgufFile.open(Shared.file(FOLDER + "stories260K-" + type + ".gguf"));
        GgufTokenizer tokenizer = GgufTokenizer.read(file);
        LlamaModel model = LlamaModel.load(device, file)) {
      TextGenerator generator = new TextGenerator(model, tokenizer);
      String prompt = stories().getFirst().greedyText;
      int full = tokenizer.encode(prompt).length / 32;
      assertTrue(full >= 3, "pages: " + full);
      Sampling drawn = new Sampling(0.8, 0, 0.9, 4);
      TextBatch batch = generator.newBatch(8);
      batch.add(prompt, 8, drawn, 30);
      List<Generated> texts = new ArrayList<>();
      BatchStatistics statistics = batch.run(texts::add);
      assertTrue(
          statistics.mostPages() > full + 8 - 1 && statistics.mostPages() <= full + 2 * 8,
          statistics.toString());
      assertTrue(statistics.mostShared() >= full, statistics.toString());
      for (Generated text : texts) {
        Sampling own = drawn.ofContinuation(text.continuation());
        assertEquals(generator.generate(prompt, own, 30, part -> {}).tokens(), text.tokens());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"f16", "q8_0"})
  void smallerWeights(String type) throws IOException {
    Device device = Tier.usable().getLast().device(2);
    try (GgufFile file = GgufFile.open(Shared.file(FOLDER + "stories260K-" + type + ".gguf"));
        GgufTokenizer tokenizer = GgufTokenizer.read(file);
        LlamaModel model = LlamaModel.load(device, file)) {
      Story first = stories().getFirst();
      StringBuilder text = new StringBuilder();
      new TextGenerator(model, tokenizer).generate("", Sampling.GREEDY, 100, text::append);
      // The story begins the same, and goes on as rounded weights will have it.
      assertEquals(first.greedyText.substring(0, 150), text.substring(0, 150));
    }
  }

  /** Drawn texts differ by their seed only, and stay within the context. */
  @Test
  void drawnTextsEndWithTheContext() throws IOException {
    Device device = Tier.usable().getLast().device(2);
    try (GgufFile file = GgufFile.open(Shared.file(FOLDER + "stories260K-f32.gguf"));
        GgufTokenizer tokenizer = GgufTokenizer.read(file);
        LlamaModel model = LlamaModel.load(device, file)) {
      TextGenerator generator = new TextGenerator(model, tokenizer);
      List<List<Integer>> texts = new ArrayList<>();
      for (long seed : new long[] {1, 2, 1}) {
        Generated generated =
            generator.generate("Once", new Sampling(1, 40, 0.95, seed), 5000, text -> {});
        int length = generated.promptTokens().size() + generated.tokens().size();
        assertTrue(length <= model.config().contextLength() + 1, "tokens: " + length);
        texts.add(generated.tokens());
      }
      assertEquals(texts.get(0), texts.get(2));
      assertTrue(!texts.get(0).equals(texts.get(1)));
    }
  }
}
