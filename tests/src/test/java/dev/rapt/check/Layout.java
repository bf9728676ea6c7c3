// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

/** How a logically (batch, heads, rows, columns) tensor may lie in memory. */
public enum Layout {
  /** Contiguous, as the shape says. */
  BHSD,
  /** Rows outside heads: what a projection of (batch, rows, heads * columns) leaves behind. */
  BSHD,
  /** Rows innermost: the last dimension is not contiguous. */
  TRANSPOSED,
  /**
   * A view into a larger buffer: every pitch is odd and the base is aligned to one element only.
   */
  PADDED,
  /** Rows stored last to first: a negative stride. */
  REVERSED,
  /** Columns stored last to first: rows a row apart, but not contiguous. */
  FLIPPED,
  /** Every dimension stored last to first. */
  MIRRORED,
  /** Every second element of the buffer. */
  STEPPED,
  /** One (rows, columns) block for all batches and heads: strides of zero. Inputs only. */
  SHARED;

  /** Element strides of a tensor of this layout. */
  long[] strides(int[] shape) {
    int rank = shape.length;
    int[] pitch = shape.clone();
    int[] order = new int[rank];
    for (int i = 0; i < rank; i++) {
      order[i] = i;
    }
    if (this == BSHD && rank == 4) {
      order[1] = 2;
      order[2] = 1;
    } else if (this == TRANSPOSED && rank > 1) {
      order[rank - 1] = rank - 2;
      order[rank - 2] = rank - 1;
    } else if (this == PADDED) {
      for (int i = 0; i < rank; i++) {
        pitch[i] += i == rank - 1 ? 3 : 1;
      }
    }
    long[] strides = new long[rank];
    long step = this == STEPPED ? 2 : 1;
    for (int i = rank - 1; i >= 0; i--) {
      strides[order[i]] = step;
      step *= Math.max(1, pitch[order[i]]);
    }
    for (int i = 0; i < rank; i++) {
      boolean reversed =
          this == MIRRORED
              || (this == REVERSED && i == Math.max(0, rank - 2))
              || (this == FLIPPED && i == rank - 1);
      boolean shared = this == SHARED && i < rank - 2;
      strides[i] = shared ? 0 : reversed ? -strides[i] : strides[i];
    }
    return strides;
  }
}
