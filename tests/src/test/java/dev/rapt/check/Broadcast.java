// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

/**
 * A dense operand of rank 1 to 4, right-aligned to (batch, heads, queryLen, kvLen); a dimension of
 * size 1 is repeated. A mask holds 1 for attend and 0 for masked.
 */
public final class Broadcast {
  private final int[] shape;
  private final float[] data;
  private final int[] stride = new int[4];

  public Broadcast(int[] shape, float[] data) {
    this.shape = shape.clone();
    this.data = data;
    int step = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      stride[4 - shape.length + i] = shape[i] == 1 ? 0 : step;
      step *= shape[i];
    }
    if (step != data.length) {
      throw new IllegalArgumentException(data.length + " values for " + step + " elements");
    }
  }

  public float at(int b, int h, int i, int j) {
    return data[b * stride[0] + h * stride[1] + i * stride[2] + j * stride[3]];
  }

  public int[] shape() {
    return shape.clone();
  }

  /** The values themselves, not a copy. */
  public float[] data() {
    return data;
  }
}
