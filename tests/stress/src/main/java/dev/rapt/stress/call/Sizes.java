// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

/** How large problems are drawn. */
public enum Sizes {
  /** Where nearly all calls are refused, and what they would compute is no matter. */
  TINY {
    @Override
    long length(Draw draw) {
      return draw.from(1L, 6L);
    }

    @Override
    long width(Draw draw) {
      return draw.from(1L, 12L);
    }
  },
  /** Around the tiles and vectors of the kernels, and now and then enough for several threads. */
  MIXED {
    @Override
    long length(Draw draw) {
      return draw.oneIn(12) ? draw.from(65L, 400L) : draw.from(1L, 64L);
    }

    @Override
    long width(Draw draw) {
      return draw.oneIn(3) ? draw.from(1L, 80L) : draw.any(WIDTHS);
    }
  };

  private static final long[] WIDTHS = {8, 16, 32, 64, 64, 96, 128};

  /** Tokens. */
  abstract long length(Draw draw);

  /** Elements of a head's row. */
  abstract long width(Draw draw);

  /** Tokens, or none. */
  long lengthOrNone(Draw draw) {
    return draw.oneIn(40) ? 0 : length(draw);
  }

  /** Samples, or none. */
  long batch(Draw draw) {
    return draw.oneIn(40) ? 0 : draw.from(1L, 2L);
  }
}
