// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class ResidentTest {
  private static final int SAMPLES = 120;
  private static final long LEAK = 4 << 20;

  @Test
  void memoryThatIsKeptIsSeen() {
    try (Arena arena = Arena.ofConfined()) {
      Resident flat = new Resident();
      Resident leaking = new Resident();
      for (int i = 0; i < SAMPLES; i++) {
        flat.sample();
      }
      for (int i = 0; i < SAMPLES; i++) {
        arena.allocate(LEAK).fill((byte) 1);
        leaking.sample();
      }
      assertTrue(flat.isEnough());
      assertTrue(flat.isFlat(), "grew by " + flat.growth());
      assertFalse(leaking.isFlat(), "grew by " + leaking.growth());
    }
  }
}
