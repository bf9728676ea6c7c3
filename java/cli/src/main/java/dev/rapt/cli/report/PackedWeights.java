// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import java.io.InputStream;

/**
 * Weights as 16-bit unsigned numbers, little-endian, the last dimension fastest: a weight from 0 to
 * 1 is the number divided by 65,535, exact to 8e-6. Both numpy and JavaScript read such arrays
 * without arithmetic on bits, which half floats would need in the latter. Bytes are made as they
 * are read. Not thread-safe.
 */
final class PackedWeights extends InputStream {
  /** What stands for the weight 1. */
  static final int SCALE = 65_535;

  private final float[][][][] weights;
  private final int[] shape;
  private final int end;
  private int position;

  /** Packs [layer][head][query][key], all of one shape. */
  PackedWeights(float[][][][] weights) {
    this.weights = weights;
    shape = shape(weights);
    int bytes = Short.BYTES;
    for (int size : shape) {
      bytes = Math.multiplyExact(bytes, size);
    }
    end = bytes;
  }

  static int[] shape(float[][][][] weights) {
    return new int[] {
      weights.length, weights[0].length, weights[0][0].length, weights[0][0][0].length
    };
  }

  @Override
  public int read() {
    if (position == end) {
      return -1;
    }
    int packed = packed(position / Short.BYTES);
    return position++ % Short.BYTES == 0 ? packed & 0xff : packed >> Byte.SIZE;
  }

  private int packed(int index) {
    int row = index / shape[3];
    int head = row / shape[2];
    float weight = weights[head / shape[1]][head % shape[1]][row % shape[2]][index % shape[3]];
    return Math.clamp(Math.round(weight * SCALE), 0, SCALE);
  }

  @Override
  public int read(byte[] buffer, int offset, int length) {
    int count = Math.min(length, available());
    for (int i = 0; i < count; i++) {
      buffer[offset + i] = (byte) read();
    }
    return count == 0 && length > 0 ? -1 : count;
  }

  /** All that is left. */
  @Override
  public int available() {
    return end - position;
  }
}
