// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import dev.rapt.Append;
import dev.rapt.Attention;
import dev.rapt.Device;
import dev.rapt.Plan;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The next tokens of some sequences on their way through the layers of a model: a prompt beside
 * single tokens, or whatever else fits. All of them become part of their sequences together, or
 * none does.
 *
 * {@snippet :
 * Attention causal = Attention.builder().causal(Causal.BOTTOM_RIGHT).build();
 * Append rotary = Append.builder().build();
 * try (Step step = cache.newStep(device, 64, 512)) {
 *   step.add(sequence, 16);
 *   step.plan();
 *   for (int layer = 0; layer < cache.layers(); layer++) {
 *     // key and value (1, kv heads, 16, head dim), query and output (1, heads, 16, head dim)
 *     step.append(layer, rotary, tables, key, value, query);
 *     step.run(layer, causal, query, output);
 *   }
 *   step.commit();
 * }
 * }
 *
 * <p>Its tokens are those of the sequences one after the other, in the order in which they were
 * added. After a commit or rollback it is empty and may be filled again; a step of the same sizes
 * as the one before, on the same tensors, allocates nothing on the Java heap, except where a
 * sequence's list of pages grows.
 *
 * <p>For one thread at a time. {@link #close()} is idempotent; without a commit it is a rollback.
 */
public final class Step implements AutoCloseable {
  private static final Append AS_THEY_ARE = Append.builder().build();

  private final KvCache cache;
  private final Device device;
  private final int mostTokens;
  private final Arena arena = Arena.ofShared();
  private final int mostSequences;
  private final ArrayList<Reservation> entries;
  private final ArrayList<Reservation> spare;
  private final boolean[] appended;
  private final StepTables tables;
  private final LayerCalls calls;
  private int tokens;
  private boolean planned;

  Step(KvCache cache, Device device, int mostSequences, int mostTokens) {
    this.cache = cache;
    this.device = device;
    this.mostTokens = mostTokens;
    this.mostSequences = mostSequences;
    entries = new ArrayList<>(1);
    spare = new ArrayList<>(1);
    appended = new boolean[cache.layers()];
    try {
      tables = new StepTables(arena, cache, mostSequences, mostTokens);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
    calls = new LayerCalls(cache, tables);
  }

  /**
   * Adds the next tokens of a sequence, and takes the pages that they need.
   *
   * @throws CacheFullException where there are too few; nothing has changed then
   * @throws IllegalArgumentException where the sequence is of another cache, there is no token, or
   *     more tokens or sequences than this step was made for
   * @throws IllegalStateException where this step is planned or closed, the cache is closed, or the
   *     sequence is closed, in this step already or in use by somebody else
   */
  public void add(Sequence sequence, int newTokens) {
    Objects.requireNonNull(sequence, "sequence");
    checkOpen();
    if (planned) {
      throw new IllegalStateException("the step is planned; allowed: commit or rollback first");
    }
    cache.checkOwn(sequence);
    if (entries.size() == mostSequences) {
      throw new IllegalArgumentException(
          "the step has " + mostSequences + " sequences; allowed: as many");
    }
    if (newTokens < 1 || newTokens > mostTokens - tokens) {
      throw new IllegalArgumentException(
          "the new tokens of "
              + sequence
              + " are "
              + newTokens
              + "; allowed: 1 to "
              + (mostTokens - tokens)
              + ", because the step has "
              + tokens
              + " of "
              + mostTokens);
    }
    // Lists grow before pages are taken, so that nothing fails once they are.
    entries.ensureCapacity(entries.size() + 1);
    Reservation entry = spare.isEmpty() ? new Reservation() : spare.removeLast();
    spare.ensureCapacity(spare.size() + entries.size() + 1);
    cache.lifetime().enter();
    try {
      synchronized (cache.lock) {
        entry.take(cache, sequence, newTokens, this, entries);
      }
    } finally {
      cache.lifetime().exit();
    }
    entries.add(entry);
    tokens += newTokens;
  }

  /**
   * Writes the tables for all layers. Nothing can be added afterwards.
   *
   * @throws IllegalStateException where the step is planned already or closed, or the cache is
   *     closed
   */
  public void plan() {
    checkOpen();
    if (planned) {
      throw new IllegalStateException("the step is planned; allowed: commit or rollback first");
    }
    cache.lifetime().enter();
    try {
      for (int i = 0; i < entries.size(); i++) {
        entries.get(i).copySharedPage(cache.memory());
      }
      if (tables.fill(entries, tokens)) {
        calls.forget();
      }
    } finally {
      cache.lifetime().exit();
    }
    Arrays.fill(appended, false);
    planned = true;
  }

  /**
   * Writes the keys and values of the step's tokens into a layer, as they are.
   *
   * @param key (1, kv heads, tokens, head dim), F32, F16 or BF16
   * @param value (1, kv heads, tokens, value dim), F32, F16 or BF16
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the step is not planned, or anything is closed
   * @throws IndexOutOfBoundsException where there is no such layer
   * @throws dev.rapt.RaptException where the device fails
   */
  public void append(int layer, Tensor key, Tensor value) {
    append(layer, AS_THEY_ARE, null, key, value, null);
  }

  /**
   * The same with rotary embedding: keys turn on their way to the cache, and queries in place, by
   * the rows of the tables that their positions name.
   *
   * @param append how rows turn
   * @param angles cosines and sines (positions, R / 2); null = nothing turns
   * @param key (1, kv heads, tokens, head dim)
   * @param value (1, kv heads, tokens, value dim)
   * @param query (1, heads, tokens, head dim), turned; null = none
   */
  public void append(
      int layer,
      Append append,
      RotaryEmbedding.@Nullable Tables angles,
      Tensor key,
      Tensor value,
      @Nullable Tensor query) {
    Objects.requireNonNull(append, "append");
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(value, "value");
    checkPlanned(layer);
    cache.lifetime().enter();
    try {
      append.run(device, calls.append(layer, key, value, query, angles));
    } finally {
      cache.lifetime().exit();
    }
    appended[layer] = true;
  }

  /**
   * Attends with each sequence's queries to its own keys of a layer, the new ones among them. In a
   * model that writes text the attention is causal, {@link dev.rapt.Causal#BOTTOM_RIGHT}, and
   * perhaps has a window.
   *
   * @param query (1, heads, tokens, head dim)
   * @param output (1, heads, tokens, value dim), written
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the step is not planned, the layer has not been appended
   *     to, or anything is closed
   * @throws IndexOutOfBoundsException where there is no such layer
   * @throws dev.rapt.RaptException where the device fails
   */
  public void run(int layer, Attention attention, Tensor query, Tensor output) {
    checkAttention(layer, attention, query, output);
    if (!appended[layer]) {
      throw missing(layer);
    }
    cache.lifetime().enter();
    try {
      attention.run(device, calls.attend(layer, query, output));
    } finally {
      cache.lifetime().exit();
    }
  }

  /** What {@link #run} would do. */
  public Plan plan(int layer, Attention attention, Tensor query, Tensor output) {
    checkAttention(layer, attention, query, output);
    cache.lifetime().enter();
    try {
      return attention.plan(device, calls.attend(layer, query, output));
    } finally {
      cache.lifetime().exit();
    }
  }

  private void checkAttention(int layer, Attention attention, Tensor query, Tensor output) {
    Objects.requireNonNull(attention, "attention");
    Objects.requireNonNull(query, "query");
    Objects.requireNonNull(output, "output");
    checkPlanned(layer);
  }

  /**
   * Makes the tokens part of their sequences, and empties the step.
   *
   * @throws IllegalStateException where the step is not planned, a layer has not been appended to,
   *     or the cache is closed; the step is as before then
   */
  public void commit() {
    checkPlanned(0);
    for (int layer = 0; tokens > 0 && layer < appended.length; layer++) {
      if (!appended[layer]) {
        throw missing(layer);
      }
    }
    cache.lifetime().enter();
    try {
      synchronized (cache.lock) {
        for (int i = 0; i < entries.size(); i++) {
          entries.get(i).commit();
        }
      }
    } finally {
      cache.lifetime().exit();
    }
    empty();
  }

  /** Leaves all sequences as they were, gives the pages back, and empties the step. */
  public void rollback() {
    synchronized (cache.lock) {
      for (int i = entries.size() - 1; i >= 0; i--) {
        entries.get(i).rollback(cache);
      }
    }
    empty();
  }

  private void empty() {
    for (int i = 0; i < entries.size(); i++) {
      spare.add(entries.get(i));
    }
    entries.clear();
    tokens = 0;
    planned = false;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      rollback();
      arena.close();
    }
  }

  /** How many sequences have been added. */
  public int sequences() {
    return entries.size();
  }

  /** How many tokens have been added, all sequences together. */
  public int tokens() {
    return tokens;
  }

  /**
   * (1, tokens), I64: where each token is in its sequence, as planned. For engines that turn rows
   * themselves. Good until the next plan; not to be written, as the other tables.
   */
  public Tensor positions() {
    return tables.positions();
  }

  /** (1, tokens), I64: the slot of each token, as {@link dev.rapt.AppendTensors} takes it. */
  public Tensor slots() {
    return tables.slots();
  }

  /** (sequences + 1), I32: the token at which each sequence's begin, and the end. */
  public Tensor queryStarts() {
    return tables.starts();
  }

  /** (sequences), I32: the tokens of each sequence, the new ones among them. */
  public Tensor keyLengths() {
    return tables.lengths();
  }

  /** (sequences, pages), I32: the pages of each sequence; what is behind them means nothing. */
  public Tensor pageTable() {
    return tables.table();
  }

  private void checkOpen() {
    if (!arena.scope().isAlive()) {
      throw new IllegalStateException("the step is closed");
    }
  }

  private void checkPlanned(int layer) {
    checkOpen();
    if (!planned) {
      throw new IllegalStateException("the step is not planned; allowed: plan() first");
    }
    Objects.checkIndex(layer, appended.length);
  }

  private IllegalStateException missing(int layer) {
    return new IllegalStateException(
        "layer "
            + layer
            + " has no keys of this step; allowed: append to it first, in a model of "
            + appended.length
            + " layers");
  }

  /** For example {@code step of 3 sequences and 40 tokens}. */
  @Override
  public String toString() {
    return "step of " + entries.size() + " sequences and " + tokens + " tokens";
  }
}
