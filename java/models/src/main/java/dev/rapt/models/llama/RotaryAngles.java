// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.DType;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;

/**
 * The tables of a model's rotary embedding: position p turns pair i by p * frequency(i), where
 * frequency(i) is base^(-2i / dim), divided by what the file says. Immutable, thread-safe.
 */
final class RotaryAngles {
  private final double[] frequencies;

  /**
   * The frequencies of a model.
   *
   * @param divisors of each pair's frequency, as Llama 3 stretches them
   */
  RotaryAngles(LlamaConfig.Rotary rotary, float[] divisors) {
    frequencies = new double[rotary.dim() / 2];
    for (int i = 0; i < frequencies.length; i++) {
      double frequency = StrictMath.pow(rotary.base(), -2.0 * i / rotary.dim());
      frequencies[i] = frequency / rotary.stretch() / divisors[i];
    }
  }

  /** (length, dim / 2) each, new in the arena. */
  RotaryEmbedding.Tables tables(Arena arena, int length) {
    Tensor cosine = Tensor.allocate(arena, DType.F32, length, frequencies.length);
    Tensor sine = Tensor.allocate(arena, DType.F32, length, frequencies.length);
    for (int position = 0; position < length; position++) {
      for (int i = 0; i < frequencies.length; i++) {
        double angle = position * frequencies[i];
        long at = (long) position * frequencies.length + i;
        cosine.segment().setAtIndex(ValueLayout.JAVA_FLOAT, at, (float) StrictMath.cos(angle));
        sine.segment().setAtIndex(ValueLayout.JAVA_FLOAT, at, (float) StrictMath.sin(angle));
      }
    }
    return new RotaryEmbedding.Tables(cosine, sine);
  }
}
