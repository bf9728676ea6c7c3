// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.cache.KvCache;
import dev.rapt.cache.Sequence;

/**
 * One text on its way through a model: the tokens so far are keys and values in a cache of its own,
 * and every call appends to them. It owns off-heap memory. Not thread-safe; several sequences of
 * one model may run at once.
 */
public final class LlamaSequence implements AutoCloseable {
  private final LlamaModel model;
  private final int capacity;
  private final KvCache cache;
  private final Sequence text;
  private final LlamaStep step;

  LlamaSequence(LlamaModel model, int capacity) {
    this.model = model;
    this.capacity = capacity;
    cache = model.newCache(capacity);
    try {
      text = cache.newSequence(capacity);
      step = new LlamaStep(model, cache, 1, Math.min(LlamaStep.CHUNK, capacity), capacity);
    } catch (OutOfMemoryError e) {
      cache.close();
      throw model.tooLarge(capacity, e);
    } catch (RuntimeException | Error e) {
      cache.close();
      throw e;
    }
  }

  /** Tokens appended so far. */
  public int length() {
    return text.length();
  }

  /** Tokens that there is room for in all. */
  public int capacity() {
    return capacity;
  }

  /**
   * Appends tokens, and returns the logits of what follows the last one: one for each token of the
   * vocabulary, in an array of the sequence's that its next call overwrites.
   *
   * @throws IllegalArgumentException naming what is wrong: no token, one that the model does not
   *     know, or more than there is room for; the sequence is then as before
   */
  public float[] append(int... tokens) {
    check(tokens.length);
    for (int token : tokens) {
      checkKnown(token);
    }
    for (int from = 0; from < tokens.length; from += LlamaStep.CHUNK) {
      int count = Math.min(LlamaStep.CHUNK, tokens.length - from);
      step.add(text, tokens, from, count, from + count == tokens.length);
      run();
    }
    return step.logits(0);
  }

  /** The same for one token, without allocating. */
  public float[] append(int token) {
    check(1);
    checkKnown(token);
    step.add(text, token);
    run();
    return step.logits(0);
  }

  private void run() {
    try {
      step.plan();
      step.run();
    } catch (RuntimeException | Error e) {
      step.rollback();
      throw e;
    }
  }

  private void check(int count) {
    int length = text.length();
    int room = capacity - length;
    if (count < 1 || count > room) {
      throw new IllegalArgumentException(
          "there are "
              + count
              + " tokens to append; allowed: 1 to "
              + room
              + ", as "
              + length
              + " of "
              + capacity
              + " are there");
    }
  }

  private void checkKnown(int token) {
    if (token < 0 || token >= model.vocabulary()) {
      throw new IllegalArgumentException(
          "token is " + token + "; allowed: 0 to " + (model.vocabulary() - 1));
    }
  }

  /** Frees its memory; it must not be used any more. Idempotent. */
  @Override
  public void close() {
    step.close();
    cache.close();
  }
}
