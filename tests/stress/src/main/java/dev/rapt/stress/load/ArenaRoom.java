// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import dev.rapt.stress.call.Draw;
import dev.rapt.stress.call.Memory;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/**
 * An arena that many callers share, with the inputs of some cases, until somebody closes it. Some
 * callers have their outputs in it too.
 */
final class ArenaRoom {
  private static final int CASES = 4;

  /** What is allocated stays until the arena goes. */
  private static final int MOST_OUTPUTS = 64;

  private static final long RETRY_MILLIS = 1;

  /** The inputs of a case in this arena. */
  record Guest(Case of, Memory memory) {}

  final Arena arena = Arena.ofShared();
  final List<Guest> guests;
  final boolean layersToo;
  volatile boolean closing;
  private final AtomicInteger outputs = new AtomicInteger();

  ArenaRoom(Draw draw, List<Case> cases) {
    layersToo = draw.oneIn(2);
    guests =
        IntStream.range(0, CASES)
            .mapToObj(i -> cases.get(draw.from(0, cases.size() - 1)))
            .map(of -> new Guest(of, of.memory().copy(arena, arena)))
            .toList();
  }

  /** Whether one more call may have its outputs here. */
  boolean takesOutputs() {
    return outputs.get() < MOST_OUTPUTS && outputs.incrementAndGet() <= MOST_OUTPUTS;
  }

  /** Closes the arena between two calls; returns how often a call was in the way. */
  int close() throws InterruptedException {
    closing = true;
    for (int refusals = 0; ; refusals++) {
      try {
        arena.close();
        return refusals;
      } catch (IllegalStateException inUse) {
        Thread.sleep(RETRY_MILLIS);
      }
    }
  }
}
