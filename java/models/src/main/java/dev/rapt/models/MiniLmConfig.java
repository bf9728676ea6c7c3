// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

/**
 * The shape of an all-MiniLM-L6-v2 encoder. Immutable, thread-safe.
 *
 * @param layers encoder layers
 * @param heads attention heads per layer
 * @param width width of a token's vector
 * @param innerWidth width inside the feed-forward part
 * @param vocabulary rows of the token embedding
 * @param positions rows of the position embedding
 * @param epsilon epsilon of every layer normalisation
 */
public record MiniLmConfig(
    int layers,
    int heads,
    int width,
    int innerWidth,
    int vocabulary,
    int positions,
    double epsilon) {

  /** Longest input, [CLS] and [SEP] included: what sentence-transformers sets for this model. */
  public static final int MAX_TOKENS = 256;

  // No weight's shape tells these; both are from the model's published configuration.
  private static final int HEADS = 12;
  private static final double EPSILON = 1e-12;

  /** Derives the sizes from the weights' shapes. */
  static MiniLmConfig of(OnnxWeights weights) {
    long[] tokens = weights.shape("embeddings.word_embeddings.weight");
    int layers = 0;
    while (weights.contains(layerPrefix(layers) + "intermediate.dense.bias")) {
      layers++;
    }
    return new MiniLmConfig(
        layers,
        HEADS,
        Math.toIntExact(tokens[1]),
        Math.toIntExact(weights.shape(layerPrefix(0) + "intermediate.dense.bias")[0]),
        Math.toIntExact(tokens[0]),
        Math.toIntExact(weights.shape("embeddings.position_embeddings.weight")[0]),
        EPSILON);
  }

  static String layerPrefix(int layer) {
    return "encoder.layer." + layer + ".";
  }
}
