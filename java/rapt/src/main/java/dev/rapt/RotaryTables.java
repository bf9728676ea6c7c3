// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Elements;
import dev.rapt.internal.LargeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Makes the angles of Su et al., "RoFormer" (2021), section 3.2.2, equation 15.
 *
 * <p>A position is the first one of its block and a few steps, and cosine and sine of the sum of
 * two angles are four products of theirs. So only blocks and steps need the functions themselves,
 * and the rest is double arithmetic, whose bits are the same on every machine, as StrictMath's are.
 * It is as exact as the function of the whole angle, which in double is off by half a unit as well.
 */
final class RotaryTables {
  /** About the square root of long contexts, where blocks and steps together are fewest. */
  private static final int BLOCK = 256;

  private final int pairs;
  private final double[] frequencies;
  private final Angles start;
  private final Angles steps;
  private final Column cosine;
  private final Column sine;

  /** Cosines and sines, [position][pair]. */
  private record Angles(double[] cosine, double[] sine) {
    Angles(int size) {
      this(new double[size], new double[size]);
    }
  }

  /** One of the tables, and a block of it as it is stored. */
  private record Column(Tensor table, float[] floats, short[] shorts) {
    Column(Tensor table, int size) {
      boolean wide = table.dtype() == DType.F32;
      this(table, new float[wide ? size : 0], new short[wide ? 0 : size]);
    }

    void write(long first, int size) {
      if (table.dtype() == DType.F32) {
        MemorySegment.copy(
            floats, 0, table.segment(), ValueLayout.JAVA_FLOAT, first * Float.BYTES, size);
      } else {
        MemorySegment.copy(
            shorts, 0, table.segment(), ValueLayout.JAVA_SHORT, first * Short.BYTES, size);
      }
    }
  }

  private RotaryTables(int steps, double theta, Tensor cosine, Tensor sine) {
    pairs = (int) cosine.size(1);
    frequencies = new double[pairs];
    for (int pair = 0; pair < pairs; pair++) {
      frequencies[pair] = StrictMath.pow(theta, -2.0 * pair / (2 * pairs));
    }
    start = new Angles(pairs);
    this.steps = new Angles(steps * pairs);
    this.cosine = new Column(cosine, steps * pairs);
    this.sine = new Column(sine, steps * pairs);
    for (int step = 0; step < steps; step++) {
      turn(step, this.steps, step * pairs);
    }
  }

  static RotaryEmbedding.Tables make(
      Arena arena, DType dtype, long length, long rotaryDim, double theta) {
    check(dtype, length, rotaryDim, theta);
    long pairs = rotaryDim / 2;
    Tensor cosine = table(arena, dtype, length, pairs);
    Tensor sine = table(arena, dtype, length, pairs);
    RotaryTables tables = new RotaryTables((int) Math.min(BLOCK, length), theta, cosine, sine);
    for (long first = 0; first < length; first += BLOCK) {
      tables.block(first, (int) Math.min(BLOCK, length - first));
    }
    return new RotaryEmbedding.Tables(cosine, sine);
  }

  private static Tensor table(Arena arena, DType dtype, long... shape) {
    long bytes = Layout.bytes(shape, dtype);
    return Tensor.of(LargeMemory.allocate(arena, bytes, Tensor.ALIGNMENT), dtype, shape);
  }

  /** The angles of one position, by the functions. */
  private void turn(long position, Angles to, int at) {
    for (int pair = 0; pair < pairs; pair++) {
      double angle = position * frequencies[pair];
      to.cosine[at + pair] = StrictMath.cos(angle);
      to.sine[at + pair] = StrictMath.sin(angle);
    }
  }

  private void block(long first, int count) {
    turn(first, start, 0);
    DType dtype = cosine.table.dtype();
    for (int step = 0; step < count; step++) {
      if (dtype == DType.F32) {
        row(step * pairs, start, steps, cosine.floats, sine.floats);
      } else {
        row(step * pairs, start, steps, dtype, cosine.shorts, sine.shorts);
      }
    }
    cosine.write(first * pairs, count * pairs);
    sine.write(first * pairs, count * pairs);
  }

  /**
   * The angles of one position: the block's start and a step, which begins at {@code at}. A row is
   * one invocation, so that a JVM that has just started compiles this after a few blocks.
   */
  private static void row(int at, Angles start, Angles steps, float[] cosine, float[] sine) {
    for (int pair = 0; pair < start.cosine.length; pair++) {
      double c = steps.cosine[at + pair];
      double s = steps.sine[at + pair];
      cosine[at + pair] = (float) (start.cosine[pair] * c - start.sine[pair] * s);
      sine[at + pair] = (float) (start.sine[pair] * c + start.cosine[pair] * s);
    }
  }

  private static void row(
      int at, Angles start, Angles steps, DType dtype, short[] cosine, short[] sine) {
    for (int pair = 0; pair < start.cosine.length; pair++) {
      double c = steps.cosine[at + pair];
      double s = steps.sine[at + pair];
      cosine[at + pair] = Elements.bits(dtype, start.cosine[pair] * c - start.sine[pair] * s);
      sine[at + pair] = Elements.bits(dtype, start.sine[pair] * c + start.cosine[pair] * s);
    }
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
