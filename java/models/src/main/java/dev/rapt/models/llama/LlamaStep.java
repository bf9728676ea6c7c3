// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.Append;
import dev.rapt.Attention;
import dev.rapt.Causal;
import dev.rapt.Device;
import dev.rapt.Plan;
import dev.rapt.RotaryEmbedding;
import dev.rapt.cache.KvCache;
import dev.rapt.cache.Sequence;
import dev.rapt.cache.Step;
import java.lang.foreign.Arena;
import java.util.List;

/**
 * The next tokens of some texts on their way through a model: parts of prompts beside single
 * tokens. {@link #add} them, {@link #plan} once, {@link #run}; then it is empty again. A text's
 * logits have the same bits whatever else is in the step. A step of the same sizes as the one
 * before allocates nothing, except where a list or table of pages grows, or where so many rows are
 * in it that several threads normalise them. Not thread-safe.
 */
final class LlamaStep implements AutoCloseable {
  /** Tokens of a prompt that are read in one step: more of them make no step faster per token. */
  static final int CHUNK = 256;

  private final LlamaModel model;
  private final Device device;
  private final Attention attention;
  private final Append append;
  private final Arena arena = Arena.ofShared();
  private final RotaryEmbedding.Tables angles;
  private final Step step;
  private final Activations activations;
  private final LastRows last;
  private final RowLoop loop;
  private final int[] tokens;
  private final int[] wanted;
  private final float[] vector;
  private int wantedCount;

  /**
   * An empty step.
   *
   * @param mostSequences that it ever has at once
   * @param mostTokens that it ever has at once
   * @param longest text that there will be, in tokens
   */
  LlamaStep(LlamaModel model, KvCache cache, int mostSequences, int mostTokens, int longest) {
    this.model = model;
    device = model.device();
    LlamaConfig config = model.config();
    attention = attention(config.heads());
    // GGUF files have the rows of Llama's projections in the order of neighbouring pairs.
    append = Append.builder().interleaved(true).rotaryDim(config.rotary().dim()).build();
    int widest = Math.max(config.width(), config.feedForward());
    loop = new RowLoop(Math.max(1, device.threads()), widest);
    tokens = new int[mostTokens];
    wanted = new int[mostSequences];
    vector = new float[config.width()];
    try {
      activations = new Activations(arena, config, mostTokens);
      last = new LastRows(arena, model, mostSequences);
      angles = model.angles().tables(arena, longest);
      step = cache.newStep(device, mostSequences, mostTokens);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private static Attention attention(LlamaConfig.Heads heads) {
    Attention.Builder builder =
        Attention.builder().scale(heads.scale()).causal(Causal.BOTTOM_RIGHT);
    if (heads.window() > 0) {
      builder.window(heads.window() - 1L, 0);
    }
    return builder.build();
  }

  /** How many tokens there is room for. */
  int room() {
    return tokens.length - step.tokens();
  }

  /**
   * Adds the next tokens of a text.
   *
   * @param from the first of them, among those given
   * @param logits whether those of what follows the last one are wanted
   * @return the number to ask {@link #logits} for; means nothing where they are not wanted
   */
  int add(Sequence sequence, int[] text, int from, int count, boolean logits) {
    int first = step.tokens();
    step.add(sequence, count);
    System.arraycopy(text, from, tokens, first, count);
    return logits ? want(first + count - 1) : -1;
  }

  /** The same of one token, whose logits are wanted. */
  int add(Sequence sequence, int token) {
    int row = step.tokens();
    step.add(sequence, 1);
    tokens[row] = token;
    return want(row);
  }

  private int want(int row) {
    wanted[wantedCount] = row;
    return wantedCount++;
  }

  /** Says where everything is, once for all layers. Nothing can be added afterwards. */
  void plan() {
    activations.resize(step.tokens());
    step.plan();
  }

  /** What a layer's largest projection and its attention will run. */
  List<Plan> plans() {
    return model.layers().getFirst().plans(this);
  }

  /** Takes the tokens through all layers; they are part of their texts then. */
  void run() {
    for (int row = 0; row < step.tokens(); row++) {
      model.embed(tokens[row], vector);
      RowLoop.store(vector, activations.hidden().segment(), row, vector.length);
    }
    List<LlamaLayer> layers = model.layers();
    for (int i = 0; i < layers.size(); i++) {
      layers.get(i).forward(this);
    }
    last.run(loop, activations, wanted, wantedCount);
    step.commit();
    wantedCount = 0;
  }

  /** Leaves all texts as they were; the step is empty then. */
  void rollback() {
    step.rollback();
    wantedCount = 0;
  }

  /** The logits of the last run by number; the next call overwrites the array. */
  float[] logits(int number) {
    return last.logits(number);
  }

  // For the layers.

  Device device() {
    return device;
  }

  Activations activations() {
    return activations;
  }

  RowLoop loop() {
    return loop;
  }

  /** Appends a layer's keys and values, turned by their positions, and attends. */
  void attend(int layer) {
    Activations at = activations;
    step.append(layer, append, angles, at.keyHeads(), at.valueHeads(), at.queryHeads());
    step.run(layer, attention, at.queryHeads(), at.attendedHeads());
  }

  Plan attentionPlan(int layer) {
    return step.plan(layer, attention, activations.queryHeads(), activations.attendedHeads());
  }

  @Override
  public void close() {
    step.close();
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
