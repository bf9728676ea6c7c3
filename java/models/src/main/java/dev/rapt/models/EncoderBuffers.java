// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Off-heap buffers for the encoder's intermediate results of one batch. They are reused from batch
 * to batch and grow when a larger one comes. Not thread-safe.
 */
final class EncoderBuffers implements AutoCloseable {
  /** Capacities are multiples of it: batches of nearly equal size share one allocation. */
  private static final int ROWS = 256;

  private final MiniLmConfig config;
  private @Nullable Arena arena;
  private @Nullable Tensor hiddenRows;
  private @Nullable Tensor projectedRows;
  private @Nullable Tensor innerRows;
  private int capacity;

  EncoderBuffers(MiniLmConfig config) {
    this.config = config;
  }

  /**
   * The views for a batch, valid until the next call.
   *
   * @param hidden (tokens, width)
   * @param projected (tokens, width)
   * @param inner (tokens, innerWidth)
   * @param groups the texts by their lengths
   */
  record Views(Tensor hidden, Tensor projected, Tensor inner, List<TokenBatch.Group> groups) {
    /** The rows of a group as (size, length, width). */
    static Tensor of(TokenBatch.Group group, Tensor rows) {
      return rows.slice(0, group.firstRow(), group.firstRow() + group.rows())
          .reshape(group.size(), group.length(), rows.size(1));
    }
  }

  Views prepare(TokenBatch batch) {
    int tokens = batch.tokens();
    reserve(tokens);
    return new Views(
        first(hiddenRows, tokens),
        first(projectedRows, tokens),
        first(innerRows, tokens),
        batch.groups());
  }

  private void reserve(int needed) {
    if (needed <= capacity) {
      return;
    }
    close();
    int rows = Math.ceilDiv(needed, ROWS) * ROWS;
    Arena fresh = Arena.ofShared();
    arena = fresh;
    hiddenRows = Tensor.allocate(fresh, DType.F32, rows, config.width());
    projectedRows = Tensor.allocate(fresh, DType.F32, rows, config.width());
    innerRows = Tensor.allocate(fresh, DType.F32, rows, config.innerWidth());
    capacity = rows;
  }

  private static Tensor first(@Nullable Tensor rows, int count) {
    return Objects.requireNonNull(rows).slice(0, 0, count);
  }

  @Override
  public void close() {
    if (arena != null) {
      arena.close();
      arena = null;
      capacity = 0;
    }
  }
}
