// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.rope;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.OperandView;
import dev.rapt.internal.ops.RopeOperation;
import org.jspecify.annotations.Nullable;

/**
 * Section 3.2.2 of Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding"
 * (2021): each pair of a row, taken as a point of the plane, is rotated by its position's angle.
 */
public final class ReferenceRope {
  private final boolean interleaved;
  private final RopeOperation.Sizes sizes;
  private final OperandView input;
  private final OperandView output;
  private final OperandView cosines;
  private final OperandView sines;
  private final @Nullable OperandView positions;

  /** A checked call. */
  public ReferenceRope(RopeOperation operation, CallFrame call) {
    interleaved = operation.interleaved();
    sizes = operation.sizes(call);
    input = OperandView.of(call, RopeOperation.INPUT);
    output = OperandView.of(call, RopeOperation.OUTPUT);
    cosines = OperandView.of(call, RopeOperation.COSINE);
    sines = OperandView.of(call, RopeOperation.SINE);
    positions = OperandView.optional(call, RopeOperation.POSITIONS);
  }

  /** Runs it; the output may be the input. */
  public void run() {
    checkPositions();
    for (long b = 0; b < sizes.batch(); b++) {
      for (long h = 0; h < sizes.heads(); h++) {
        for (long s = 0; s < sizes.length(); s++) {
          turn(b, h, s);
        }
      }
    }
  }

  private void turn(long b, long h, long s) {
    for (long i = 0; i < sizes.pairs(); i++) {
      double cosine = angle(cosines, b, s, i);
      double sine = angle(sines, b, s, i);
      long first = interleaved ? 2 * i : i;
      long second = interleaved ? 2 * i + 1 : i + sizes.pairs();
      double x = input.get(b, h, s, first);
      double y = input.get(b, h, s, second);
      output.set(cosine * x - sine * y, b, h, s, first);
      output.set(sine * x + cosine * y, b, h, s, second);
    }
    for (long d = 2 * sizes.pairs(); d < sizes.headDim(); d++) {
      output.set(input.get(b, h, s, d), b, h, s, d);
    }
  }

  /** The cosine or sine by which pair {@code i} of token (b, s) turns. */
  private double angle(OperandView table, long b, long s, long i) {
    return positions == null ? table.get(b, s, i, 0) : table.get(positions.getLong(b, s), i, 0, 0);
  }

  private void checkPositions() {
    if (positions == null) {
      return;
    }
    for (long b = 0; b < sizes.batch(); b++) {
      for (long s = 0; s < sizes.length(); s++) {
        long position = positions.getLong(b, s);
        if (position < 0 || position >= sizes.rows()) {
          throw new IllegalArgumentException(
              "positions("
                  + b
                  + ", "
                  + s
                  + ") is "
                  + position
                  + "; allowed: 0 to "
                  + (sizes.rows() - 1));
        }
      }
    }
  }
}
