// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufFile;

/**
 * The hyperparameters of a model. Immutable, thread-safe.
 *
 * @param layers transformer layers
 * @param width features of a token between layers
 * @param feedForward features inside the feed-forward part
 * @param contextLength the longest text that the model was made for, in tokens
 * @param epsilon of every RMS normalisation
 * @param heads of attention
 * @param rotary the rotary embedding
 */
public record LlamaConfig(
    int layers,
    int width,
    int feedForward,
    int contextLength,
    double epsilon,
    Heads heads,
    Rotary rotary) {

  /**
   * The heads of attention.
   *
   * @param count query heads
   * @param kvCount key and value heads, of which {@code count} is a multiple
   * @param dim elements of a head's row
   * @param scale the factor on query . key
   * @param window keys that a query sees, itself among them; 0 = all before it
   */
  public record Heads(int count, int kvCount, int dim, double scale, int window) {}

  /**
   * The rotary embedding, of neighbouring elements.
   *
   * @param dim elements of a head's row that are rotated
   * @param base of the angles' frequencies, theta
   * @param stretch what positions are divided by
   */
  public record Rotary(int dim, double base, double stretch) {}

  private static final String ARCHITECTURE = "general.architecture";
  private static final int MOST_FEATURES = 1 << 24;
  private static final int MOST_HEAD_DIM = 1024;

  /** What so many tokens take in a cache, for a message: more than 2^63 - 1 counts as that. */
  long cacheBytes(long tokens) {
    return (long) (2.0 * layers * heads.kvCount * heads.dim * Float.BYTES * tokens);
  }

  /**
   * Reads the metadata.
   *
   * @throws GgufException naming what the file lacks, or has and is not supported
   */
  static LlamaConfig read(GgufFile file) throws GgufException {
    String architecture = file.string(ARCHITECTURE);
    if (!"llama".equals(architecture)) {
      throw new GgufException(
          ARCHITECTURE
              + (architecture == null
                  ? " is missing"
                  : " is " + GgufException.quoted(architecture) + ", which is not supported")
              + "; allowed: 'llama'");
    }
    Hyperparameters llama = new Hyperparameters(file, "llama.");
    llama.refuseOthers();
    int width = llama.integer("embedding_length", 1, MOST_FEATURES);
    Heads heads = heads(llama, width);
    return new LlamaConfig(
        llama.integer("block_count", 1, 10_000),
        width,
        llama.integer("feed_forward_length", 1, MOST_FEATURES),
        llama.integer("context_length", 1, Integer.MAX_VALUE),
        llama.positive("attention.layer_norm_rms_epsilon"),
        heads,
        rotary(llama, heads.dim));
  }

  private static Heads heads(Hyperparameters llama, int width) throws GgufException {
    int count = llama.integer("attention.head_count", 1, MOST_FEATURES);
    int kvCount = llama.integer("attention.head_count_kv", 1, count, count);
    if (count % kvCount != 0) {
      throw new GgufException(
          "llama.attention.head_count is "
              + count
              + "; allowed: multiples of head_count_kv, "
              + kvCount);
    }
    int dim = llama.integer("attention.key_length", 1, MOST_HEAD_DIM, Math.max(1, width / count));
    int valueDim = llama.integer("attention.value_length", 1, MOST_HEAD_DIM, dim);
    if (valueDim != dim || (long) dim * count > MOST_FEATURES) {
      throw new GgufException(
          "heads have "
              + dim
              + " elements in keys and "
              + valueDim
              + " in values; allowed: as many in both, and at most "
              + MOST_FEATURES
              + " in all heads");
    }
    double scale = llama.positive("attention.scale", 1 / Math.sqrt(dim));
    int window = llama.integer("attention.sliding_window", 0, Integer.MAX_VALUE, 0);
    return new Heads(count, kvCount, dim, scale, window);
  }

  private static Rotary rotary(Hyperparameters llama, int headDim) throws GgufException {
    int dim = llama.integer("rope.dimension_count", 2, headDim, headDim);
    if (dim % 2 != 0) {
      throw new GgufException("llama.rope.dimension_count is " + dim + "; allowed: even numbers");
    }
    String scaling = llama.string("rope.scaling.type", "linear");
    double stretch =
        switch (scaling) {
          case "none" -> 1;
          case "linear" ->
              llama.positive("rope.scaling.factor", llama.positive("rope.scale_linear", 1));
          default ->
              throw new GgufException(
                  "llama.rope.scaling.type is "
                      + GgufException.quoted(scaling)
                      + ", which is not supported; allowed: none, linear");
        };
    return new Rotary(dim, llama.positive("rope.freq_base", 10_000), stretch);
  }
}
