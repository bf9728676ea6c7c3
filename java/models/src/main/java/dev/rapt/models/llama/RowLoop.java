// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/**
 * Runs work on the rows of off-heap matrices, on a few threads if there are many rows. Rows are
 * copied to arrays and back: compilers vectorise loops over arrays most reliably. Not thread-safe.
 */
final class RowLoop {
  /** Below this many rows a second thread costs more than it brings. */
  private static final int MIN_ROWS_PER_TASK = 16;

  private final float[][] first;
  private final float[][] second;

  /** Rows have at most so many elements. */
  RowLoop(int threads, int columns) {
    first = new float[threads][columns];
    second = new float[threads][columns];
  }

  /** Does one row; the scratch arrays are longer than it or as long. */
  interface Work {
    void run(int row, float[] first, float[] second);
  }

  /** Whether so few rows are worth one thread only. The caller may then do without {@link #run}. */
  boolean isAlone(int rows) {
    return tasks(rows) == 1;
  }

  private int tasks(int rows) {
    return Math.clamp(rows / MIN_ROWS_PER_TASK, 1, first.length);
  }

  /** Scratch for rows that the caller does by itself: a captured {@link Work} would be garbage. */
  float[] first() {
    return first[0];
  }

  /** The other one. */
  float[] second() {
    return second[0];
  }

  void run(int rows, Work work) {
    int tasks = tasks(rows);
    IntStream.range(0, tasks).parallel().forEach(task -> task(task, tasks, rows, work));
  }

  private void task(int task, int tasks, int rows, Work work) {
    int end = (int) ((long) rows * (task + 1) / tasks);
    for (int row = (int) ((long) rows * task / tasks); row < end; row++) {
      work.run(row, first[task], second[task]);
    }
  }

  static void load(MemorySegment matrix, int row, float[] values, int columns) {
    MemorySegment.copy(
        matrix, ValueLayout.JAVA_FLOAT, (long) row * columns * Float.BYTES, values, 0, columns);
  }

  static void store(float[] values, MemorySegment matrix, int row, int columns) {
    MemorySegment.copy(
        values, 0, matrix, ValueLayout.JAVA_FLOAT, (long) row * columns * Float.BYTES, columns);
  }
}
