// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.Device;
import dev.rapt.Linear;

/** A linear projection, with weights that are packed anew for each device. */
record LinearCall(Problem problem) implements ProblemCall {
  @Override
  public void run(Device device) {
    try (Linear layer = Linear.of(device, problem.last("weight", 2), problem.last("bias", 1))) {
      layer.run(device, problem.batched("input", 3), problem.batched("output", 3));
    }
  }
}
