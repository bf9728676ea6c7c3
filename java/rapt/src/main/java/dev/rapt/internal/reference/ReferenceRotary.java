// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference;

import dev.rapt.Tensor;
import dev.rapt.internal.Broadcast;
import dev.rapt.internal.Elements;
import dev.rapt.internal.RotaryOptions;
import org.jspecify.annotations.Nullable;

/**
 * Section 3.2.2 of Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding"
 * (2021): each pair of a row, taken as a point of the plane, is rotated by its position's angle.
 */
final class ReferenceRotary {
  private final RotaryOptions options;
  private final View cosines;
  private final View sines;
  private final long tableLength;
  private final @Nullable Tensor positions;

  ReferenceRotary(RotaryOptions options, Tensor cosine, Tensor sine, @Nullable Tensor positions) {
    this.options = options;
    this.positions = positions;
    tableLength = cosine.size(0);
    cosines = new View(cosine, positions == null ? 3 : 2);
    sines = new View(sine, positions == null ? 3 : 2);
  }

  /** (B, H, S, D) each, which may be the same tensor. */
  void run(Tensor input, Tensor output) {
    checkPositions(input.size(0), input.size(2));
    View from = new View(input);
    View to = new View(output);
    for (long b = 0; b < input.size(0); b++) {
      for (long h = 0; h < input.size(1); h++) {
        for (long s = 0; s < input.size(2); s++) {
          turn(from, to, b, h, s, input.size(3));
        }
      }
    }
  }

  private void turn(View from, View to, long b, long h, long s, long headDim) {
    long rotaryDim = options.rotaryDim(headDim);
    long pairs = rotaryDim / 2;
    for (long i = 0; i < pairs; i++) {
      double cosine = angle(cosines, b, s, i);
      double sine = angle(sines, b, s, i);
      long first = options.interleaved() ? 2 * i : i;
      long second = options.interleaved() ? 2 * i + 1 : i + pairs;
      double x = from.get(b, h, s, first);
      double y = from.get(b, h, s, second);
      to.set(cosine * x - sine * y, b, h, s, first);
      to.set(sine * x + cosine * y, b, h, s, second);
    }
    for (long d = rotaryDim; d < headDim; d++) {
      to.set(from.get(b, h, s, d), b, h, s, d);
    }
  }

  /** The cosine or sine by which pair {@code i} of token (b, s) turns. */
  private double angle(View table, long b, long s, long i) {
    return positions == null ? table.get(b, s, i, 0) : table.get(position(b, s), i, 0, 0);
  }

  private long position(long b, long s) {
    long element =
        positions.offset()
            + b * Broadcast.stride(positions, 0, 2)
            + s * Broadcast.stride(positions, 1, 2);
    return Elements.readLong(positions.segment(), element);
  }

  private void checkPositions(long batch, long length) {
    for (long b = 0; positions != null && b < batch; b++) {
      for (long s = 0; s < length; s++) {
        long position = position(b, s);
        if (position < 0 || position >= tableLength) {
          throw new IllegalArgumentException(
              "positions("
                  + b
                  + ", "
                  + s
                  + ") is "
                  + position
                  + "; allowed: 0 to "
                  + (tableLength - 1));
        }
      }
    }
  }
}
