// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Elements;
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
  private final Angles steps;
  private final Angles start;
  private final Angles block;
  private final float[] floats;
  private final short[] shorts;

  /** Cosines and sines, [position][pair]. */
  private record Angles(double[] cosine, double[] sine) {
    Angles(int size) {
      this(new double[size], new double[size]);
    }
  }

  private RotaryTables(int steps, long rotaryDim, double theta) {
    pairs = (int) (rotaryDim / 2);
    frequencies = new double[pairs];
    for (int pair = 0; pair < pairs; pair++) {
      frequencies[pair] = StrictMath.pow(theta, -2.0 * pair / rotaryDim);
    }
    this.steps = new Angles(steps * pairs);
    start = new Angles(pairs);
    block = new Angles(steps * pairs);
    floats = new float[steps * pairs];
    shorts = new short[steps * pairs];
    for (int step = 0; step < steps; step++) {
      turn(step, this.steps, step * pairs);
    }
  }

  static RotaryEmbedding.Tables make(
      Arena arena, DType dtype, long length, long rotaryDim, double theta) {
    check(dtype, length, rotaryDim, theta);
    long pairs = rotaryDim / 2;
    Tensor cosine = Tensor.allocate(arena, dtype, length, pairs);
    Tensor sine = Tensor.allocate(arena, dtype, length, pairs);
    RotaryTables tables = new RotaryTables((int) Math.min(BLOCK, length), rotaryDim, theta);
    for (long first = 0; first < length; first += BLOCK) {
      int count = (int) Math.min(BLOCK, length - first);
      tables.turn(first, tables.start, 0);
      tables.add(count);
      tables.write(tables.block.cosine, count, cosine, first);
      tables.write(tables.block.sine, count, sine, first);
    }
    return new RotaryEmbedding.Tables(cosine, sine);
  }

  /** The angles of one position, by the functions. */
  private void turn(long position, Angles to, int at) {
    for (int pair = 0; pair < pairs; pair++) {
      double angle = position * frequencies[pair];
      to.cosine[at + pair] = StrictMath.cos(angle);
      to.sine[at + pair] = StrictMath.sin(angle);
    }
  }

  /** The block's angles: its start's and each step's. */
  private void add(int count) {
    for (int step = 0; step < count; step++) {
      add(step * pairs, start.cosine, start.sine, steps.cosine, steps.sine);
    }
  }

  private void add(int at, double[] cosine, double[] sine, double[] byCosine, double[] bySine) {
    double[] cosineSum = block.cosine;
    double[] sineSum = block.sine;
    for (int pair = 0; pair < cosine.length; pair++) {
      double c = byCosine[at + pair];
      double s = bySine[at + pair];
      cosineSum[at + pair] = cosine[pair] * c - sine[pair] * s;
      sineSum[at + pair] = sine[pair] * c + cosine[pair] * s;
    }
  }

  private void write(double[] values, int count, Tensor table, long first) {
    MemorySegment segment = table.segment();
    int size = count * pairs;
    long at = first * pairs;
    if (table.dtype() == DType.F32) {
      for (int i = 0; i < size; i++) {
        floats[i] = (float) values[i];
      }
      MemorySegment.copy(floats, 0, segment, ValueLayout.JAVA_FLOAT, at * Float.BYTES, size);
    } else {
      for (int i = 0; i < size; i++) {
        shorts[i] = Elements.bits(table.dtype(), values[i]);
      }
      MemorySegment.copy(shorts, 0, segment, ValueLayout.JAVA_SHORT, at * Short.BYTES, size);
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
