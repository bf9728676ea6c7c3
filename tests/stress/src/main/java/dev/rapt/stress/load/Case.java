// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import dev.rapt.Device;
import dev.rapt.stress.call.Draw;
import dev.rapt.stress.call.Layer;
import dev.rapt.stress.call.Memory;
import dev.rapt.stress.call.Problem;
import dev.rapt.stress.call.Sizes;
import java.lang.foreign.Arena;

/**
 * A problem with its inputs, and what it gives alone.
 *
 * @param memory in an arena that stays open; the outputs are untouched, and nobody's
 * @param inputs a hash of what no call may write
 * @param bits a hash for each tier, of which one that leaves the case out has none
 */
record Case(int number, Problem problem, Memory memory, long inputs, long[] bits) {
  /** No CRC is negative. */
  static final long LEFT_OUT = -1;

  /** Draws a case and runs it alone, on devices of one thread. */
  static Case draw(long seed, int number, Arena arena, Device[] alone, Tier[] tiers) {
    Draw draw = new Draw(seed, number);
    Problem problem = Problem.draw(draw, Sizes.MIXED);
    Memory memory = Memory.draw(draw, problem, arena);
    long[] bits = new long[tiers.length];
    for (int tier = 0; tier < tiers.length; tier++) {
      bits[tier] =
          tiers[tier].affords(problem.work()) ? run(problem, memory, alone[tier]) : LEFT_OUT;
    }
    return new Case(number, problem, memory, memory.inputHash(), bits);
  }

  /** Whether the inputs are what they were. */
  boolean isIntact() {
    return memory.inputHash() == inputs;
  }

  private static long run(Problem problem, Memory memory, Device device) {
    try (Arena arena = Arena.ofConfined();
        Layer layer = problem.on(device, memory.tensors())) {
      Memory own = memory.withOutputs(arena);
      layer.run(device, own.tensors());
      return own.hash();
    }
  }
}
