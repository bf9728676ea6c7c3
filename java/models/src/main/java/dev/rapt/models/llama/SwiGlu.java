// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.Tensor;
import java.lang.foreign.MemorySegment;

/** The gated activation {@code gate = gate / (1 + exp(-gate)) * up}. Shazeer (2020). */
final class SwiGlu {
  private SwiGlu() {}

  /** On rows of contiguous F32 tensors (rows, features). */
  static void run(RowLoop loop, Tensor gate, Tensor up) {
    MemorySegment gates = gate.segment();
    MemorySegment ups = up.segment();
    int columns = (int) gate.size(1);
    int rows = (int) gate.size(0);
    if (loop.isAlone(rows)) {
      for (int row = 0; row < rows; row++) {
        row(gates, ups, columns, row, loop.first(), loop.second());
      }
      return;
    }
    loop.run(rows, (row, first, second) -> row(gates, ups, columns, row, first, second));
  }

  private static void row(
      MemorySegment gates,
      MemorySegment ups,
      int columns,
      int row,
      float[] values,
      float[] factors) {
    RowLoop.load(gates, row, values, columns);
    RowLoop.load(ups, row, factors, columns);
    for (int i = 0; i < columns; i++) {
      values[i] = (float) (values[i] / (1 + Math.exp(-values[i]))) * factors[i];
    }
    RowLoop.store(values, gates, row, columns);
  }
}
