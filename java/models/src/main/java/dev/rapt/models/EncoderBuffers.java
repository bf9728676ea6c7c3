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
  private final MiniLmConfig config;
  private @Nullable Arena arena;
  private @Nullable Tensor hiddenRows;
  private @Nullable Tensor projectedRows;
  private @Nullable Tensor innerRows;
  private @Nullable Tensor paddingRows;
  private int capacity;

  EncoderBuffers(MiniLmConfig config) {
    this.config = config;
  }

  /**
   * The views for a batch, valid until the next call.
   *
   * @param hidden (size, length, width)
   * @param projected (size, length, width)
   * @param inner (size, length, innerWidth)
   * @param padding (size, length), true = padding; null where nothing is padded
   */
  record Views(Tensor hidden, Tensor projected, Tensor inner, @Nullable Tensor padding) {}

  Views prepare(TokenBatch batch) {
    int size = batch.size();
    int length = batch.length();
    reserve(size * length);
    Tensor padding = null;
    if (batch.isPadded()) {
      padding = first(paddingRows, size, length, 1).reshape(size, length);
      for (int text = 0; text < size; text++) {
        for (int position = 0; position < length; position++) {
          byte padded = (byte) (position < batch.length(text) ? 0 : 1);
          padding.segment().set(ValueLayout.JAVA_BYTE, (long) text * length + position, padded);
        }
      }
    }
    return new Views(
        first(hiddenRows, size, length, config.width()),
        first(projectedRows, size, length, config.width()),
        first(innerRows, size, length, config.innerWidth()),
        padding);
  }

  private void reserve(int rows) {
    if (rows <= capacity) {
      return;
    }
    close();
    Arena fresh = Arena.ofShared();
    arena = fresh;
    hiddenRows = Tensor.allocate(fresh, DType.F32, rows, config.width());
    projectedRows = Tensor.allocate(fresh, DType.F32, rows, config.width());
    innerRows = Tensor.allocate(fresh, DType.F32, rows, config.innerWidth());
    paddingRows = Tensor.allocate(fresh, DType.BOOL, rows, 1);
    capacity = rows;
  }

  private static Tensor first(@Nullable Tensor rows, int size, int length, int width) {
    return Objects.requireNonNull(rows)
        .slice(0, 0, (long) size * length)
        .reshape(size, length, width);
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
