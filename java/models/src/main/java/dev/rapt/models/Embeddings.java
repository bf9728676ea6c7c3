// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import dev.rapt.Device;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The input of the first layer: the sum of token, position and segment embedding, normalised.
 * Immutable, thread-safe.
 */
final class Embeddings {
  private final MemorySegment tokens;
  private final MemorySegment positions;
  private final float[] segment;
  private final Norm norm;

  /** Copies the tables into the arena; the norm runs on a device that reaches host memory. */
  Embeddings(Device host, Arena arena, OnnxWeights weights, MiniLmConfig config) {
    tokens = weights.tensor(arena, "embeddings.word_embeddings.weight").segment();
    positions = weights.tensor(arena, "embeddings.position_embeddings.weight").segment();
    norm = new Norm(host, arena, weights, "embeddings.LayerNorm", config);
    // All tokens of a single sentence are of segment 0.
    segment = new float[config.width()];
    Tensor segments = weights.tensor(arena, "embeddings.token_type_embeddings.weight");
    Rows.load(segments.segment(), 0, segment);
  }

  /** Fills in {@code hidden} (tokens, width), contiguous. */
  void lookup(TokenBatch batch, Tensor hidden, Rows rows) {
    MemorySegment to = hidden.segment();
    rows.forEach(
        batch.tokens(),
        segment.length,
        (row, sum, part) -> {
          Rows.load(tokens, batch.id(row), sum);
          Rows.add(sum, segment);
          Rows.load(positions, batch.position(row), part);
          Rows.add(sum, part);
          Rows.store(sum, to, row);
        });
    norm.apply(hidden, null);
  }
}
