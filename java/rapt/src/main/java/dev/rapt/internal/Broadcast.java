// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal;

import dev.rapt.Tensor;

/**
 * Right-aligned broadcasting: how a tensor of lower rank or with sizes of 1 reads as a larger one.
 */
public final class Broadcast {
  private Broadcast() {}

  /**
   * The stride of dimension {@code dim} of a target of {@code rank} dimensions; 0 where broadcast.
   */
  public static long stride(Tensor tensor, int dim, int rank) {
    int own = dim - (rank - tensor.rank());
    return own < 0 || tensor.size(own) == 1 ? 0 : tensor.stride(own);
  }
}
