// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.Plan;
import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.tokens.GgufTokenizer;
import dev.rapt.models.tokens.TextStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

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
    if (maxTokens < 1) {
      throw new IllegalArgumentException(
          "the tokens to write are " + maxTokens + "; allowed: 1 or more");
    }
    int[] tokens = tokenizer.encode(prompt);
    int context = model.config().contextLength();
    if (tokens.length == 0) {
      throw new IllegalArgumentException(
          "the prompt has no tokens, and this model adds none; allowed: 1 or more");
    }
    if (tokens.length >= context) {
      throw new IllegalArgumentException(
          "the prompt has "
              + tokens.length
              + " tokens; allowed: less than the model's context, "
              + context);
    }
    int room = Math.min(maxTokens, context - tokens.length);
    try (LlamaSequence sequence = model.newSequence(tokens.length + room)) {
      return write(sequence, tokens, new Sampler(sampling, model.vocabulary()), maxTokens, text);
    }
  }

  private Generated write(
      LlamaSequence sequence, int[] prompt, Sampler sampler, int maxTokens, Consumer<String> text) {
    List<Plan> promptPlans = sequence.plans(prompt.length);
    long start = System.nanoTime();
    int token = sampler.next(sequence.append(prompt));
    long read = System.nanoTime();
    List<Plan> plans = sequence.plans(1);
    List<Integer> written = new ArrayList<>();
    TextStream stream = new TextStream();
    Generated.End end = Generated.End.TOKEN;
    while (!tokenizer.isEnd(token)) {
      written.add(token);
      text.accept(stream.append(tokenizer.bytes(token)));
      if (written.size() == maxTokens) {
        end = Generated.End.LENGTH;
        break;
      }
      if (sequence.length() == sequence.capacity()) {
        end = Generated.End.CONTEXT;
        break;
      }
      token = sampler.next(sequence.append(token));
    }
    long done = System.nanoTime();
    text.accept(stream.finish());
    return new Generated(
        Arrays.stream(prompt).boxed().toList(),
        List.copyOf(written),
        end,
        read - start,
        done - read,
        promptPlans,
        plans);
  }
}
