// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.Device;

/** A problem as a call of the public API. */
interface ProblemCall {
  /** Runs it into the problem's outputs. */
  void run(Device device);

  static ProblemCall of(Problem problem) {
    return switch (problem.operation()) {
      case "sdpa" -> new SdpaCall(problem);
      case "mha" -> new MhaCall(problem);
      case "linear" -> new LinearCall(problem);
      case "rope" -> new RopeCall(problem);
      case "gelu" -> new GeluCall(problem);
      case "norm" -> new NormCall(problem);
      default -> throw new IllegalArgumentException("unknown operation " + problem.operation());
    };
  }
}
