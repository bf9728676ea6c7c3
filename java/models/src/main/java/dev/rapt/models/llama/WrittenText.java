// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.cache.Sequence;
import dev.rapt.models.tokens.GgufTokenizer;
import dev.rapt.models.tokens.TextStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A text that is being written, token by token. */
final class WrittenText {
  private final ReadPrompt prompt;
  private final int continuation;
  private final Sequence sequence;
  private final GgufTokenizer tokenizer;
  private final int context;
  private final TextListener listener;
  private final Sampling sampling;
  private final Sampler sampler;
  private final TextStream stream = new TextStream();
  private final StringBuilder text = new StringBuilder();
  private final List<Integer> tokens = new ArrayList<>();
  private int number;

  /** The next continuation of a prompt. */
  WrittenText(ReadPrompt prompt, LlamaModel model, GgufTokenizer tokenizer, TextListener listener) {
    this.prompt = prompt;
    this.tokenizer = tokenizer;
    this.listener = listener;
    context = model.config().contextLength();
    sequence = prompt.begin();
    continuation = prompt.begun();
    sampling = prompt.request().sampling().ofContinuation(continuation);
    sampler = new Sampler(sampling, model.vocabulary());
  }

  ReadPrompt prompt() {
    return prompt;
  }

  /** Adds its last token to a step. */
  void addTo(LlamaStep step) {
    number = step.add(sequence, tokens.getLast());
  }

  /** The same with the logits of the step in which its last token was. */
  boolean take(LlamaStep step) {
    return take(step.logits(number));
  }

  /** Takes the next token; where the text is over by it, says so to all, and returns true. */
  boolean take(float[] logits) {
    int token = sampler.next(logits);
    if (tokenizer.isEnd(token)) {
      return end(Generated.End.TOKEN);
    }
    tokens.add(token);
    pass(stream.append(tokenizer.bytes(token)));
    if (tokens.size() == prompt.request().maxTokens()) {
      return end(Generated.End.LENGTH);
    }
    return sequence.length() == context && end(Generated.End.CONTEXT);
  }

  private void pass(String part) {
    if (!part.isEmpty()) {
      text.append(part);
      listener.written(prompt.request().number(), continuation, part);
    }
  }

  private boolean end(Generated.End end) {
    sequence.close();
    pass(stream.finish());
    TextRequest request = prompt.request();
    listener.finished(
        new Generated(
            request.number(),
            continuation,
            sampling.seed(),
            Arrays.stream(request.tokens()).boxed().toList(),
            List.copyOf(tokens),
            text.toString(),
            end));
    return true;
  }
}
