// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.internal.call.CallFrame;

/** The rule between a tensor that may be I8 and its scale. */
final class Scales {
  private Scales() {}

  /**
   * Whether a tensor is I8 and so needs a scale; no other may have one.
   *
   * @param slot of the tensor, which is there
   * @param scaleSlot of its scale
   * @param groups the size that says how many scales a row has; set where the scale lacks it
   * @param width the size of a row
   */
  static boolean needed(CallFrame call, int slot, int scaleSlot, int groups, int width) {
    Tensor of = call.required(slot);
    Tensor scale = call.tensor(scaleSlot);
    String name = call.table().at(scaleSlot, -1).name();
    String ofName = call.operand(slot).name();
    boolean quantised = of.dtype() == DType.I8;
    if (scale == null) {
      if (quantised) {
        throw new IllegalArgumentException(
            name + " is missing; allowed: a tensor, because " + ofName + " is " + of);
      }
      return false;
    }
    if (!quantised) {
      throw new IllegalArgumentException(
          name + " is " + scale + "; allowed: none, because " + ofName + " is " + of);
    }
    if (scale.rank() == of.rank()) {
      long count = scale.size(scale.rank() - 1);
      if (count < 1 || call.size(width) % count != 0) {
        throw new IllegalArgumentException(
            name
                + " is "
                + scale
                + " with "
                + count
                + " groups; allowed: the divisors of "
                + call.size(width)
                + ", the elements of a row of "
                + ofName);
      }
    } else {
      call.size(groups, 1);
    }
    return true;
  }
}
