// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.DType;
import dev.rapt.Plan;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * One text on its way through a model: the tokens so far are keys and values in its cache, and
 * every call appends to them. It owns off-heap memory. Not thread-safe; several sequences of one
 * model may run at once.
 */
public final class LlamaSequence implements AutoCloseable {
  /** Tokens of a prompt that are read in one step: more of them make no step faster per token. */
  private static final int CHUNK = 256;

  private final LlamaModel model;
  private final int capacity;
  private final Arena arena = Arena.ofShared();
  private final ContiguousCache cache;
  private final RotaryEmbedding.Tables tables;
  private final RowLoop loop;
  private final float[] vector;
  private final Step single;
  private final Tensor logits;
  private final float[] logitArray;

  LlamaSequence(LlamaModel model, int capacity) {
    this.model = model;
    this.capacity = capacity;
    LlamaConfig config = model.config();
    int longest = Math.max(config.width(), config.feedForward());
    loop = new RowLoop(Math.max(1, model.device().threads()), longest);
    vector = new float[config.width()];
    logitArray = new float[model.vocabulary()];
    try {
      cache = new ContiguousCache(arena, config, capacity);
      tables = model.angles().tables(arena, capacity);
      single = step(arena, 1);
      logits = Tensor.allocate(arena, DType.F32, 1, model.vocabulary());
    } catch (OutOfMemoryError e) {
      arena.close();
      throw tooLarge(config, capacity, e);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private static IllegalArgumentException tooLarge(
      LlamaConfig config, int capacity, OutOfMemoryError e) {
    return new IllegalArgumentException(
        "there is no memory for "
            + capacity
            + " tokens, whose keys and values take "
            + ContiguousCache.bytes(config, capacity)
            + " bytes; allowed: fewer",
        e);
  }

  private Step step(Arena memory, int tokens) {
    LlamaConfig config = model.config();
    return new Step(
        model.device(),
        Step.attention(config.heads()),
        Step.rope(config.rotary()),
        tables,
        new Activations(memory, config, cache, tokens),
        loop);
  }

  /** Tokens appended so far. */
  public int length() {
    return cache.length();
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
    if (tokens.length == 1) {
      return append(tokens[0]);
    }
    check(tokens.length);
    for (int token : tokens) {
      checkKnown(token);
    }
    try (Arena local = Arena.ofShared()) {
      Step chunk = step(local, Math.min(CHUNK, tokens.length));
      for (int from = 0; from < tokens.length; from += CHUNK) {
        int count = Math.min(CHUNK, tokens.length - from);
        if (count < chunk.activations().tokens()) {
          chunk = step(local, count);
        }
        run(chunk, tokens, from);
      }
      return logitsOf(chunk.activations());
    }
  }

  /** The same for one token, without allocating. */
  public float[] append(int token) {
    check(1);
    checkKnown(token);
    embed(token, single.activations(), 0);
    forward(single);
    return logitsOf(single.activations());
  }

  private void check(int count) {
    int room = capacity - cache.length();
    if (count < 1 || count > room) {
      throw new IllegalArgumentException(
          "there are "
              + count
              + " tokens to append; allowed: 1 to "
              + room
              + ", as "
              + cache.length()
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

  private void run(Step step, int[] tokens, int from) {
    for (int i = 0; i < step.activations().tokens(); i++) {
      embed(tokens[from + i], step.activations(), i);
    }
    forward(step);
  }

  private void embed(int token, Activations into, int row) {
    model.embed(token, vector);
    RowLoop.store(vector, into.hidden().segment(), row, vector.length);
  }

  private void forward(Step step) {
    step.activations().begin();
    List<LlamaLayer> layers = model.layers();
    for (int i = 0; i < layers.size(); i++) {
      layers.get(i).forward(step, cache);
    }
    cache.advance(step.activations().tokens());
  }

  /** Of the last token of a step. */
  private float[] logitsOf(Activations step) {
    Activations one = single.activations();
    if (step != one) {
      copyLast(step.hidden(), one.hidden());
      copyLast(step.projected(), one.projected());
    }
    model.outputNorm().run(loop, one.hidden(), one.projected(), one.normed());
    model.output().run(model.device(), one.normed(), logits);
    RowLoop.load(logits.segment(), 0, logitArray, logitArray.length);
    return logitArray;
  }

  private static void copyLast(Tensor rows, Tensor row) {
    long bytes = row.elements() * ValueLayout.JAVA_FLOAT.byteSize();
    long from = (rows.size(0) - 1) * bytes;
    MemorySegment.copy(rows.segment(), from, row.segment(), 0, bytes);
  }

  /**
   * What a layer's largest projection and its attention would run if so many tokens came next.
   *
   * @throws IllegalArgumentException where there is no room for them
   */
  public List<Plan> plans(int tokens) {
    check(tokens);
    try (Arena local = Arena.ofShared()) {
      Step step = step(local, Math.min(CHUNK, tokens));
      step.activations().begin();
      return model.layers().getFirst().plans(step);
    }
  }

  /** Frees its memory; it must not be used any more. Idempotent. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
