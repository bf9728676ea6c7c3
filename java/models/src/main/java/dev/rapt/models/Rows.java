// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/**
 * Runs work on the rows of off-heap matrices on a number of threads. A row is copied to a float[]
 * and back: the copy stays in the first-level cache, and the compiler vectorises loops over arrays
 * most reliably.
 */
final class Rows {
  /** Below this many rows a second thread costs more than it brings. */
  private static final int MIN_ROWS_PER_TASK = 32;

  private final int threads;

  Rows(int threads) {
    this.threads = threads;
  }

  int threads() {
    return threads;
  }

  /** Does one row; the scratch arrays belong to the calling thread. */
  interface Worker {
    void run(int row, float[] scratch, float[] second);
  }

  /**
   * Runs the worker on rows 0 to {@code count}, with two scratch arrays of the given width for each
   * thread.
   */
  void forEach(int count, int width, Worker worker) {
    int tasks = Math.clamp(count / MIN_ROWS_PER_TASK, 1, threads);
    IntStream chunks = IntStream.range(0, tasks);
    (tasks > 1 ? chunks.parallel() : chunks)
        .forEach(
            task -> {
              float[] scratch = new float[width];
              float[] second = new float[width];
              int end = (int) ((long) count * (task + 1) / tasks);
              for (int row = (int) ((long) count * task / tasks); row < end; row++) {
                worker.run(row, scratch, second);
              }
            });
  }

  static void load(MemorySegment matrix, int row, float[] values) {
    MemorySegment.copy(
        matrix,
        ValueLayout.JAVA_FLOAT,
        (long) row * values.length * Float.BYTES,
        values,
        0,
        values.length);
  }

  static void store(float[] values, MemorySegment matrix, int row) {
    MemorySegment.copy(
        values,
        0,
        matrix,
        ValueLayout.JAVA_FLOAT,
        (long) row * values.length * Float.BYTES,
        values.length);
  }

  static void add(float[] sum, float[] other) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += other[i];
    }
  }
}
