// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** What a problem's runs write, and what was there before the first of them. */
final class Outputs {
  private static final List<String> OPERATIONS =
      List.of("sdpa", "mha", "linear", "rope", "gelu", "norm");

  private record Before(MemorySegment memory, MemorySegment copy) {}

  private final Problem problem;
  private final List<Before> before = new ArrayList<>();

  Outputs(Problem problem, Arena arena) {
    this.problem = problem;
    for (String name : names()) {
      if (problem.has(name)) {
        MemorySegment memory = problem.arrays().get(name).memory();
        before.add(new Before(memory, arena.allocate(memory.byteSize()).copyFrom(memory)));
      }
    }
  }

  private List<String> names() {
    return switch (problem.operation()) {
      case "sdpa", "mha" -> List.of("output", "lse", "weights");
      default -> List.of("output");
    };
  }

  /** Gives all outputs the contents from before the first run. */
  void reset() {
    before.forEach(b -> b.memory().copyFrom(b.copy()));
  }

  /** Of all outputs, absent ones too, as the native corpus makes it. */
  int hash() {
    long hash = OPERATIONS.indexOf(problem.operation()) + 1;
    for (String name : names()) {
      hash = ProblemArray.hash(problem.arrays().get(name), hash);
    }
    return (int) hash;
  }
}
