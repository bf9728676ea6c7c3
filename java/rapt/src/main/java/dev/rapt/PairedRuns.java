// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/**
 * Walks one shape over two layouts, row-major, in runs as long as both allow: dimensions that both
 * step through like one are merged.
 */
final class PairedRuns {
  private final long[] shape;
  private final long[] from;
  private final long[] to;
  private int rank;

  /** Takes a run of elements, the first of which stand at these offsets from index (0, ..., 0). */
  interface Run {
    /**
     * One run of {@link #length()} elements.
     *
     * @param first the row-major number of its first element
     */
    void take(long first, long from, long to);
  }

  /** A shape of 1 element or more. */
  PairedRuns(long[] shape, long[] from, long[] to) {
    this.shape = new long[Math.max(1, shape.length)];
    this.from = new long[this.shape.length];
    this.to = new long[this.shape.length];
    for (int dim = 0; dim < shape.length; dim++) {
      if (shape[dim] != 1) {
        add(shape[dim], from[dim], to[dim]);
      }
    }
    if (rank == 0) {
      add(1, 1, 1);
    }
  }

  private void add(long size, long fromStride, long toStride) {
    int last = rank - 1;
    if (rank > 0 && from[last] == size * fromStride && to[last] == size * toStride) {
      shape[last] *= size;
    } else {
      last = rank++;
      shape[last] = size;
    }
    from[last] = fromStride;
    to[last] = toStride;
  }

  /** Elements of a run. */
  long length() {
    return shape[rank - 1];
  }

  /** Elements from one of a run to the next. */
  long fromStep() {
    return from[rank - 1];
  }

  /** The same in the other layout. */
  long toStep() {
    return to[rank - 1];
  }

  void each(Run run) {
    long[] index = new long[rank];
    long fromAt = 0;
    long toAt = 0;
    for (long first = 0; ; first += length()) {
      run.take(first, fromAt, toAt);
      int dim = rank - 2;
      for (; dim >= 0 && index[dim] == shape[dim] - 1; dim--) {
        fromAt -= index[dim] * from[dim];
        toAt -= index[dim] * to[dim];
        index[dim] = 0;
      }
      if (dim < 0) {
        return;
      }
      index[dim]++;
      fromAt += from[dim];
      toAt += to[dim];
    }
  }
}
