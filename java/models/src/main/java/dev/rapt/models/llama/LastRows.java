// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The rows of a step whose logits somebody wants, gathered: of a prompt only the last one. Not
 * thread-safe.
 */
final class LastRows {
  private final LlamaModel model;
  private final Tensor[] all;
  private final Tensor[] views;
  private final float[] logitArray;

  private static final int HIDDEN = 0;
  private static final int PROJECTED = 1;
  private static final int NORMED = 2;
  private static final int LOGITS = 3;

  /** Room for so many rows. */
  LastRows(Arena arena, LlamaModel model, int mostRows) {
    this.model = model;
    int width = model.config().width();
    all =
        new Tensor[] {
          Tensor.allocate(arena, DType.F32, mostRows, width),
          Tensor.allocate(arena, DType.F32, mostRows, width),
          Tensor.allocate(arena, DType.F32, mostRows, width),
          Tensor.allocate(arena, DType.F32, mostRows, model.vocabulary())
        };
    views = all.clone();
    logitArray = new float[model.vocabulary()];
  }

  /** Computes the logits of the first so many of these rows. */
  void run(RowLoop loop, Activations at, int[] rows, int count) {
    if (count == 0) {
      return;
    }
    if (count != views[LOGITS].size(0)) {
      for (int i = 0; i < views.length; i++) {
        views[i] = all[i].slice(0, 0, count);
      }
    }
    for (int i = 0; i < count; i++) {
      copy(at.hidden(), rows[i], views[HIDDEN], i);
      copy(at.projected(), rows[i], views[PROJECTED], i);
    }
    model.outputNorm().run(loop, views[HIDDEN], views[PROJECTED], views[NORMED]);
    model.output().run(model.device(), views[NORMED], views[LOGITS]);
  }

  private static void copy(Tensor from, int row, Tensor to, int toRow) {
    long bytes = from.size(1) * Float.BYTES;
    MemorySegment.copy(from.segment(), row * bytes, to.segment(), toRow * bytes, bytes);
  }

  /** Of one of these rows; the next call overwrites the array. */
  float[] logits(int row) {
    RowLoop.load(views[LOGITS].segment(), row, logitArray, logitArray.length);
    return logitArray;
  }
}
