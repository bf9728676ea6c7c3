// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.tokens.GgufTokenizer;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Continues texts by a model, token by token. Owns neither model nor tokenizer. Thread-safe.
 *
 * {@snippet :
 * TextGenerator generator = new TextGenerator(model, tokenizer);
 * generator.generate("Once upon a time", Sampling.GREEDY, 100, System.out::print);
 * }
 */
public final class TextGenerator {
  private final LlamaModel model;
  private final GgufTokenizer tokenizer;

  /**
   * A generator of both.
   *
   * @throws GgufException where they do not have the same number of tokens
   */
  public TextGenerator(LlamaModel model, GgufTokenizer tokenizer) throws GgufException {
    if (model.vocabulary() != tokenizer.size()) {
      throw new GgufException(
          "the tokenizer has "
              + tokenizer.size()
              + " tokens and the model "
              + model.vocabulary()
              + "; allowed: as many in both");
    }
    this.model = model;
    this.tokenizer = tokenizer;
  }

  /**
   * Writes the continuation of a prompt, and stops at the end that the model sets, after so many
   * tokens, or where the context is full.
   *
   * @param text gets the text as it comes, without the prompt
   * @throws IllegalArgumentException where the prompt has no tokens or leaves no room for one, or
   *     {@code maxTokens} is not positive
   * @throws IllegalStateException where the model's logits are not numbers
   */
  public Generated generate(
      String prompt, Sampling sampling, int maxTokens, Consumer<String> text) {
    TextBatch batch = newBatch(1);
    batch.add(prompt, 1, sampling, maxTokens);
    One one = new One(text);
    batch.run(one);
    return Objects.requireNonNull(one.generated);
  }

  private static final class One implements TextListener {
    private final Consumer<String> text;
    private @Nullable Generated generated;

    One(Consumer<String> text) {
      this.text = text;
    }

    @Override
    public void written(int prompt, int continuation, String part) {
      text.accept(part);
    }

    @Override
    public void finished(Generated text) {
      generated = text;
    }
  }

  /**
   * An empty batch, whose cache is as large as its texts may need.
   *
   * @param mostTexts that are written at once; the others wait
   * @throws IllegalArgumentException where that is less than 1 or more than 4096
   */
  public TextBatch newBatch(int mostTexts) {
    return new TextBatch(model, tokenizer, mostTexts, TextBatch.NO_LIMIT);
  }

  /**
   * An empty batch, whose cache takes no more than so many bytes: texts that would need more wait.
   *
   * @throws IllegalArgumentException where a number is less than 1 or the first more than 4096
   */
  public TextBatch newBatch(int mostTexts, long mostCacheBytes) {
    if (mostCacheBytes < 1) {
      throw new IllegalArgumentException(
          "the bytes of the cache are " + mostCacheBytes + "; allowed: 1 or more");
    }
    return new TextBatch(model, tokenizer, mostTexts, mostCacheBytes);
  }
}
