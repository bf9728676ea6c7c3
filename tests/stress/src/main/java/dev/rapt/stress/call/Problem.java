// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.Device;
import dev.rapt.Tensor;
import java.util.List;
import java.util.Map;

/** A call of one operation: its options, and its tensors without their memory. Immutable. */
public interface Problem {
  /** The word of the operation. */
  String operation();

  /** All tensors, those that are needed first. */
  List<Slot> slots();

  /** The operation, with weights by name where it has any. */
  Layer on(Device device, Map<String, Tensor> weights);

  /** Whether it is made for one device. */
  default boolean hasWeights() {
    return false;
  }

  /** Multiplications, more or less: what a slow device leaves out. */
  long work();

  /** A problem of any operation. */
  static Problem draw(Draw draw, Sizes sizes) {
    return switch (draw.from(0, 12)) {
      case 0, 1, 2, 3 -> SdpaProblem.draw(draw, sizes);
      case 4, 5 -> MhaProblem.draw(draw, sizes);
      case 6 -> LinearProblem.draw(draw, sizes);
      case 7, 8 -> RopeProblem.draw(draw, sizes);
      case 9 -> GeluProblem.draw(draw, sizes);
      case 10 -> NormProblem.draw(draw, sizes);
      case 11 -> AppendProblem.draw(draw, sizes);
      default -> MergeProblem.draw(draw, sizes);
    };
  }
}
