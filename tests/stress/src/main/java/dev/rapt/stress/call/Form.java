// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import java.util.Arrays;

/**
 * How the elements of a shape lie in memory.
 *
 * @param strides in elements
 * @param offset where index (0, ..., 0) lies
 * @param elements how many elements the memory needs
 */
public record Form(long[] strides, long offset, long elements) {
  /** Elements before the first and behind the last, so that a vector's width is seen to matter. */
  private static final int MOST_LEAD = 7;

  /** What the stride of one element, or of none, may be: nobody ever steps by it. */
  private static final long[] ANY_STRIDE = {
    0, -1, 1L << 31, 1L << 62, -1L << 62, Long.MAX_VALUE, Long.MIN_VALUE
  };

  /** Row-major without gaps. */
  public static Form plain(long[] shape) {
    return of(shape, order(shape.length), new long[shape.length], 1, 0);
  }

  /**
   * Any form. Half of them are plain; the others have dimensions in another order, gaps behind rows
   * or between elements, backward strides, an odd beginning, strides of 0 where nothing is written,
   * or senseless ones where nobody steps.
   */
  public static Form draw(Draw draw, long[] shape, boolean written) {
    if (draw.oneIn(2)) {
      return plain(shape);
    }
    int rank = shape.length;
    int[] order = order(rank);
    if (rank > 2 && draw.oneIn(2)) {
      swap(order, rank - 2, rank - 3); // heads inside tokens, as packed projections have them
    }
    if (rank > 1 && draw.oneIn(8)) {
      swap(order, rank - 1, rank - 2);
    }
    long[] signs = new long[rank];
    Arrays.fill(signs, 1);
    if (draw.oneIn(4)) {
      signs[draw.from(0, rank - 1)] = -1;
    }
    if (!written && draw.oneIn(8)) {
      signs[draw.from(0, rank - 1)] = 0;
    }
    long gap = draw.oneIn(3) ? draw.from(1, 9) : 0;
    Form form = of(shape, order, signs, draw.oneIn(8) ? 2 : 1, gap);
    long lead = draw.oneIn(3) ? draw.from(1, MOST_LEAD) : 0;
    boolean empty = Arrays.stream(shape).anyMatch(size -> size == 0);
    for (int dim = 0; dim < rank; dim++) {
      if ((empty || shape[dim] == 1) && draw.oneIn(4)) {
        form.strides[dim] = draw.any(ANY_STRIDE);
      }
    }
    long anywhere = empty && draw.oneIn(4) ? draw.from(0, Long.MAX_VALUE) : form.offset + lead;
    return new Form(form.strides, anywhere, form.elements + lead + gap);
  }

  private static int[] order(int rank) {
    int[] order = new int[rank];
    Arrays.setAll(order, i -> i);
    return order;
  }

  private static void swap(int[] order, int a, int b) {
    int kept = order[a];
    order[a] = order[b];
    order[b] = kept;
  }

  /** By the order of the dimensions in memory, outermost first; signs that are all 0 mean all 1. */
  private static Form of(long[] shape, int[] order, long[] signs, long step, long gap) {
    boolean forward = Arrays.stream(signs).allMatch(sign -> sign == 0);
    long[] strides = new long[shape.length];
    long stride = step;
    long offset = 0;
    for (int i = shape.length - 1; i >= 0; i--) {
      int dim = order[i];
      long sign = forward ? 1 : signs[dim];
      strides[dim] = sign * stride;
      if (sign < 0) {
        offset += stride * Math.max(0, shape[dim] - 1);
      }
      if (sign != 0) {
        stride *= Math.max(1, shape[dim]);
      }
      stride += i == shape.length - 1 ? gap : 0;
    }
    return new Form(strides, offset, stride);
  }
}
