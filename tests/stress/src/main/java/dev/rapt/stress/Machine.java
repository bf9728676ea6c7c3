// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress;

import dev.rapt.Capabilities;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;

/** Where figures come from, in words. */
final class Machine {
  private Machine() {}

  /** This machine, now; the commit is what the system property {@code dev.rapt.commit} says. */
  static Map<String, String> here() {
    Capabilities.Cpu cpu = Capabilities.probe().cpu();
    Map<String, String> machine = new LinkedHashMap<>();
    machine.put("cpu", cpu.name() + ", " + cpu.logicalCpus() + " logical CPUs");
    machine.put("tier", String.valueOf(cpu.defaultIsa()));
    machine.put("java", Runtime.version().toString());
    machine.put("commit", System.getProperty("dev.rapt.commit", "unknown"));
    machine.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    return machine;
  }
}
