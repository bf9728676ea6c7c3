// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.cache.KvCache;
import dev.rapt.cache.Sequence;

/** A prompt that is being read, and is kept until the last of its continuations has begun. */
final class ReadPrompt {
  private final TextRequest request;
  private final Sequence sequence;
  private float[] logits = {};
  private int number;
  private int read;
  private int begun;
  private int ended;

  ReadPrompt(TextRequest request, KvCache cache) {
    this.request = request;
    sequence = cache.newSequence(request.longest());
  }

  TextRequest request() {
    return request;
  }

  /**
   * Tokens that come next. They are counted from the prompt's beginning, whatever else is read
   * meanwhile, since attention's bits depend on how many come at once.
   */
  int chunk() {
    return Math.min(LlamaStep.CHUNK, request.tokens().length - read);
  }

  /** Adds these tokens to a step, and takes for granted that it will run. */
  void addTo(LlamaStep step) {
    int count = chunk();
    boolean last = read + count == request.tokens().length;
    number = step.add(sequence, request.tokens(), read, count, last);
    read += count;
  }

  boolean isRead() {
    return read == request.tokens().length;
  }

  /** Keeps the logits that the step has, of the first token of each continuation. */
  void keep(LlamaStep step) {
    logits = step.logits(number).clone();
  }

  float[] logits() {
    return logits;
  }

  /** Continuations that have begun. */
  int begun() {
    return begun;
  }

  boolean isLast() {
    return begun + 1 == request.continuations();
  }

  /** The sequence of the next continuation: a fork, and for the last one the prompt's own. */
  Sequence begin() {
    boolean last = isLast();
    begun++;
    return last ? sequence : sequence.fork();
  }

  /** Counts a continuation that has ended; returns whether it was the last one. */
  boolean end() {
    return ++ended == request.continuations();
  }
}
