// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.Device;
import dev.rapt.LayerNorm;

/** Layer normalisation, with what of residual and bias the problem has. */
record NormCall(Problem problem) implements ProblemCall {
  @Override
  public void run(Device device) {
    LayerNorm.of(problem.real("epsilon"))
        .run(
            device,
            problem.batched("input", 3),
            problem.batched("residual", 3),
            problem.last("weight", 1),
            problem.last("bias", 1),
            problem.batched("output", 3));
  }
}
