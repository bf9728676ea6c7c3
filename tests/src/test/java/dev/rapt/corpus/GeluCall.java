// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.Device;
import dev.rapt.Gelu;

/** GELU, in place or not. */
record GeluCall(Problem problem) implements ProblemCall {
  @Override
  public void run(Device device) {
    Gelu.run(device, problem.batched("input", 3), problem.batched("output", 3));
  }
}
