// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Elements;
import java.lang.foreign.Arena;

/** Makes the angles of Su et al., "RoFormer" (2021), section 3.2.2, equation 15. */
final class RotaryTables {
  private RotaryTables() {}

  static RotaryEmbedding.Tables make(
      Arena arena, DType dtype, long length, long rotaryDim, double theta) {
    check(dtype, length, rotaryDim, theta);
    long pairs = rotaryDim / 2;
    Tensor cosine = Tensor.allocate(arena, dtype, length, pairs);
    Tensor sine = Tensor.allocate(arena, dtype, length, pairs);
    for (long pair = 0; pair < pairs; pair++) {
      double frequency = Math.pow(theta, -2.0 * pair / rotaryDim);
      for (long position = 0; position < length; position++) {
        double angle = position * frequency;
        long element = position * pairs + pair;
        Elements.write(cosine.segment(), dtype, element, Math.cos(angle));
        Elements.write(sine.segment(), dtype, element, Math.sin(angle));
      }
    }
    return new RotaryEmbedding.Tables(cosine, sine);
  }

  private static void check(DType dtype, long length, long rotaryDim, double theta) {
    if (!dtype.isFloating()) {
      throw new IllegalArgumentException("dtype is " + dtype + "; allowed: F32, F16 and BF16");
    }
    if (length < 1) {
      throw new IllegalArgumentException("length is " + length + "; allowed: 1 or more");
    }
    if (rotaryDim < 2 || rotaryDim > Checks.MAX_HEAD_DIM || rotaryDim % 2 != 0) {
      throw new IllegalArgumentException(
          "rotaryDim is " + rotaryDim + "; allowed: even, 2 to " + Checks.MAX_HEAD_DIM);
    }
    if (!(theta > 0) || !Double.isFinite(theta)) {
      throw new IllegalArgumentException(
          "theta is " + theta + "; allowed: positive finite numbers");
    }
  }
}
