// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import java.util.stream.DoubleStream;

/** One contender's turn: calls timed until the turn is over. */
public final class Turn {
  /** Short calls are timed together, so that the clock's own cost vanishes. */
  private static final double SAMPLE_SECONDS = 100e-6;

  /** Above this, what the last contender left in the caches is nothing beside the call itself. */
  private static final double LONG_CALL_SECONDS = 50e-3;

  /**
   * Long enough for the threads of whoever ran last to stop spinning; OpenBLAS's take 2²⁶ cycles.
   */
  public static final long PAUSE_MILLIS = 50;

  private Turn() {}

  /**
   * Seconds per call, one figure per sample; at least one.
   *
   * @param copies of keys and values to walk through
   * @param expected what a call takes; 0 = unknown, which makes the turn one single timed call
   */
  static double[] take(Contender contender, int copies, double expected, double seconds)
      throws InterruptedException {
    Thread.sleep(PAUSE_MILLIS);
    if (expected == 0) {
      contender.run(0);
      return new double[] {elapsed(contender, copies, 1, 1)};
    }
    if (expected < LONG_CALL_SECONDS) {
      contender.run(0);
    }
    int calls = (int) Math.max(1, SAMPLE_SECONDS / expected);
    DoubleStream.Builder samples = DoubleStream.builder();
    double spent = 0;
    // Goes on where the last sample stopped, so that no copy is read twice in a row.
    int next = 1;
    do {
      double sample = elapsed(contender, copies, next, calls);
      samples.add(sample);
      spent += sample * calls;
      next += calls;
    } while (spent < seconds);
    return samples.build().toArray();
  }

  private static double elapsed(Contender contender, int copies, int first, int calls) {
    long begin = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      contender.run((first + i) % copies);
    }
    return (System.nanoTime() - begin) / 1e9 / calls;
  }
}
