// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ResidentTest {
  private static final int SAMPLES = 600;
  private static final long KILOBYTES = 1_000_000;

  /** Samples that climb for the first tenth and then by so much per sample. */
  private static Resident samples(long step) {
    Resident resident = new Resident();
    for (int i = 0; i < SAMPLES; i++) {
      long warm = Math.min(i, SAMPLES / 10) * (KILOBYTES / SAMPLES);
      long noise = i % 7 * 1000;
      resident.add(KILOBYTES + warm + noise + i * step);
    }
    return resident;
  }

  @Test
  void memoryThatIsKeptIsSeen() {
    assertTrue(samples(0).isFlat());
    assertTrue(samples(-100).isFlat());
    assertFalse(samples(300).isFlat(), "grew by " + samples(300).growth());
  }

  @Test
  void aFewSamplesAreNotEnough() {
    Resident resident = new Resident();
    resident.sample();
    assertFalse(resident.isEnough());
    assertTrue(samples(0).isEnough());
    assertTrue(resident.medians()[0] > 1, "the JVM itself takes some");
  }
}
