// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * RMS normalisation with a residual that is added first: {@code sum += residual; output = sum /
 * sqrt(mean(sum²) + epsilon) * weight}. Zhang and Sennrich (2019). Immutable.
 */
final class RmsNorm {
  private final float[] weight;
  private final double epsilon;

  RmsNorm(float[] weight, double epsilon) {
    this.weight = weight;
    this.epsilon = epsilon;
  }

  /** On rows of contiguous F32 tensors (rows, width). */
  void run(RowLoop loop, Tensor sum, @Nullable Tensor residual, Tensor output) {
    run(
        loop,
        (int) sum.size(0),
        sum.segment(),
        residual == null ? null : residual.segment(),
        output.segment());
  }

  private void run(
      RowLoop loop,
      int rows,
      MemorySegment sum,
      @Nullable MemorySegment residual,
      MemorySegment output) {
    if (loop.isAlone(rows)) {
      for (int row = 0; row < rows; row++) {
        row(sum, residual, output, row, loop.first(), loop.second());
      }
      return;
    }
    loop.run(rows, (row, first, second) -> row(sum, residual, output, row, first, second));
  }

  private void row(
      MemorySegment sum,
      @Nullable MemorySegment residual,
      MemorySegment output,
      int row,
      float[] values,
      float[] other) {
    RowLoop.load(sum, row, values, weight.length);
    if (residual != null) {
      RowLoop.load(residual, row, other, weight.length);
      add(values, other, weight.length);
      RowLoop.store(values, sum, row, weight.length);
    }
    normalise(values);
    RowLoop.store(values, output, row, weight.length);
  }

  private static void add(float[] values, float[] other, int count) {
    for (int i = 0; i < count; i++) {
      values[i] += other[i];
    }
  }

  private void normalise(float[] values) {
    double squares = 0;
    for (int i = 0; i < weight.length; i++) {
      squares += (double) values[i] * values[i];
    }
    float factor = (float) (1 / Math.sqrt(squares / weight.length + epsilon));
    for (int i = 0; i < weight.length; i++) {
      values[i] = values[i] * factor * weight[i];
    }
  }
}
