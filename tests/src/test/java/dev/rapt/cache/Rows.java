// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;

/** Rows that tell which token, layer, head and kind they are of; F32, so that they are exact. */
final class Rows {
  static final int LAYERS = 2;
  static final int HEADS = 2;
  static final int KEY_DIM = 4;
  static final int VALUE_DIM = 2;

  private Rows() {}

  static KvCache cache(int pages, int pageSize) {
    return KvCache.builder()
        .layers(LAYERS)
        .kvHeads(HEADS)
        .headDim(KEY_DIM)
        .valueDim(VALUE_DIM)
        .pageSize(pageSize)
        .pages(pages)
        .build();
  }

  private static float element(int token, int layer, int head, int kind, int d) {
    return ((((token * LAYERS + layer) * HEADS + head) * 2 + kind) * KEY_DIM) + d;
  }

  private static Tensor rows(Arena arena, int[] tokens, int layer, int kind, int width) {
    float[] data = new float[HEADS * tokens.length * width];
    for (int i = 0; i < data.length; i++) {
      int head = i / (tokens.length * width);
      data[i] = element(tokens[i / width % tokens.length], layer, head, kind, i % width);
    }
    return Tensor.copyOf(arena, data, 1, HEADS, tokens.length, width);
  }

  /** Appends a planned step's tokens to all layers. */
  static void write(Step step, int... tokens) {
    try (Arena arena = Arena.ofShared()) {
      for (int layer = 0; layer < LAYERS; layer++) {
        step.append(
            layer,
            rows(arena, tokens, layer, 0, KEY_DIM),
            rows(arena, tokens, layer, 1, VALUE_DIM));
      }
    }
  }

  /** Adds tokens to one sequence, in a step of its own. */
  static void append(Step step, Sequence sequence, int... tokens) {
    step.add(sequence, tokens.length);
    step.plan();
    write(step, tokens);
    step.commit();
  }

  /** The tokens of a sequence, read from its pages; all layers, heads and kinds must agree. */
  static int[] read(Sequence sequence) {
    int[] tokens = new int[sequence.length()];
    for (int layer = 0; layer < LAYERS; layer++) {
      read(sequence, layer, 0, sequence.cache().keys(layer), tokens);
      read(sequence, layer, 1, sequence.cache().values(layer), tokens);
    }
    return tokens;
  }

  private static void read(Sequence sequence, int layer, int kind, Tensor pages, int[] tokens) {
    int size = sequence.cache().pageSize();
    int width = (int) pages.size(3);
    for (int first = 0; first < tokens.length; first += size) {
      float[] page = pages.select(0, sequence.page(first / size)).toFloatArray();
      for (int row = first; row < Math.min(tokens.length, first + size); row++) {
        for (int head = 0; head < HEADS; head++) {
          int at = (head * size + row % size) * width;
          if (layer == 0 && kind == 0 && head == 0) {
            tokens[row] = (int) (page[at] / element(1, 0, 0, 0, 0));
          }
          for (int d = 0; d < width; d++) {
            if (page[at + d] != element(tokens[row], layer, head, kind, d)) {
              throw new AssertionError(
                  sequence
                      + " at "
                      + row
                      + ", layer "
                      + layer
                      + ", head "
                      + head
                      + ": "
                      + page[at]);
            }
          }
        }
      }
    }
  }

  /** All memory is NaN, so that whatever was not written shows. */
  static void poison(KvCache cache) {
    for (int layer = 0; layer < cache.layers(); layer++) {
      for (Tensor rows : new Tensor[] {cache.keys(layer), cache.values(layer)}) {
        if (rows.dtype() == DType.I8) {
          rows.fillLong(-128);
        } else {
          rows.fill(Float.NaN);
        }
      }
      if (cache.keys(layer).dtype() == DType.I8) {
        cache.keyScales(layer).fill(Float.NaN);
        cache.valueScales(layer).fill(Float.NaN);
      }
    }
  }
}
