// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
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
  private @Nullable Tensor wide;
  private @Nullable Tensor starts;
  private int capacity;

  EncoderBuffers(MiniLmConfig config) {
    this.config = config;
  }

  /**
   * The views for a batch, valid until the next call. Attention and feed-forward follow each other,
   * so that projections and attended lie where inner lies.
   *
   * @param hidden (tokens, width)
   * @param projections (tokens, 3 * width): query, key and value side by side
   * @param attended (tokens, width)
   * @param projected (tokens, width)
   * @param inner (tokens, innerWidth)
   * @param starts (texts + 1), I32: the row at which each text begins, and the end
   */
  record Views(
      Tensor hidden,
      Tensor projections,
      Tensor attended,
      Tensor projected,
      Tensor inner,
      Tensor starts) {}

  Views prepare(TokenBatch batch) {
    int tokens = batch.tokens();
    reserve(tokens);
    int width = config.width();
    return new Views(
        first(hiddenRows, tokens),
        rows(0, tokens, 3 * width),
        rows(3L * width * tokens, tokens, width),
        first(projectedRows, tokens),
        rows(0, tokens, config.innerWidth()),
        starts(batch));
  }

  private Tensor rows(long from, int count, int columns) {
    Tensor flat = Objects.requireNonNull(wide);
    return flat.slice(0, from, from + (long) count * columns).reshape(count, columns);
  }

  private Tensor starts(TokenBatch batch) {
    Tensor views = first(starts, batch.size() + 1);
    int row = 0;
    int text = 0;
    for (TokenBatch.Group group : batch.groups()) {
      for (int i = 0; i < group.size(); i++) {
        views.segment().setAtIndex(ValueLayout.JAVA_INT, text++, row);
        row += group.length();
      }
    }
    views.segment().setAtIndex(ValueLayout.JAVA_INT, text, row);
    return views;
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
    int columns = Math.max(4 * config.width(), config.innerWidth());
    wide = Tensor.allocate(fresh, DType.F32, (long) rows * columns);
    // A text has a token at least.
    starts = Tensor.allocate(fresh, DType.I32, rows + 1L);
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
