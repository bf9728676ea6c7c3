// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import java.util.SplittableRandom;

/** Random choices that a seed and a number replay. Not thread-safe. */
public final class Draw {
  /** Odd, so that neighbouring numbers begin far apart. */
  private static final long APART = 0x9E3779B97F4A7C15L;

  private final SplittableRandom random;

  /** The choices of number {@code index} under a seed. */
  public Draw(long seed, long index) {
    // Split once: seeds that differ in few bits begin alike.
    random = new SplittableRandom(seed ^ (index + 1) * APART).split();
  }

  /** One of {@code least} to {@code most}. */
  public long from(long least, long most) {
    return most == Long.MAX_VALUE ? random.nextLong(least, most) : random.nextLong(least, most + 1);
  }

  /** One of {@code least} to {@code most}. */
  public int from(int least, int most) {
    return random.nextInt(least, most + 1);
  }

  /** True once in {@code times}. */
  public boolean oneIn(int times) {
    return random.nextInt(times) == 0;
  }

  /** Any of these. */
  @SafeVarargs
  public final <T> T any(T... these) {
    return these[random.nextInt(these.length)];
  }

  /** Any of these. */
  public long any(long[] these) {
    return these[random.nextInt(these.length)];
  }

  /** Any long: the seed of other choices. */
  public long seed() {
    return random.nextLong();
  }
}
