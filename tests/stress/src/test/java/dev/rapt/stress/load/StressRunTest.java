// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.stress.call.Draw;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The stress run in small, by count, and that it sees what it is for. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class StressRunTest {
  private static final long CALLS = 6000;

  @Test
  void everythingAtOnce() throws InterruptedException {
    Settings settings = new Settings(7, 600, CALLS, 150, 4, 50);
    Summary summary = new StressRun(settings).run(Map.of("cpu", "any"), calls -> {});
    assertEquals(List.of(), summary.failures());
    assertTrue(summary.isGood());
    assertTrue(summary.calls().made() >= CALLS, summary.text());
    assertTrue(summary.calls().compared() > CALLS / 4, summary.text());
    assertEquals(
        Set.of("sdpa", "mha", "linear", "rope", "merge", "gelu", "norm", "append"),
        summary.calls().groups().get("operations").keySet());
    assertTrue(summary.text().contains("seed 7"), summary.text());
  }

  @Test
  void otherBitsAreAFailure() throws InterruptedException {
    Tally tally = new Tally();
    try (House house = new House(3, 40)) {
      for (Case one : house.cases) {
        for (int tier = 0; tier < house.tiers.length; tier++) {
          one.bits()[tier] ^= one.bits()[tier] == Case.LEFT_OUT ? 0 : 1;
        }
      }
      house.open(3);
      AtomicLongArray begun = new AtomicLongArray(1);
      new Caller(0, new Draw(3, -2), house, tally, begun, () -> tally.calls() >= 100).run();
      house.shut();
    }
    assertEquals(0, tally.compared());
    assertTrue(tally.failures().size() >= 90, tally.failures().toString());
    assertTrue(tally.failures().peek().contains("has other bits than alone"));
  }
}
