// SPDX-License-Identifier: Apache-2.0
package dev.rapt.edge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rapt.AttentionTensors;
import dev.rapt.Device;
import dev.rapt.Isa;
import dev.rapt.Plan;
import dev.rapt.check.AttentionCall;
import dev.rapt.check.AttentionCase;
import dev.rapt.check.Tier;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What the operating system says this CPU can do, the library must offer. */
class TiersTest {

  @Test
  void everyTierOfThisCpuOpensAndSaysSo() {
    for (Tier tier : Tier.usableNative()) {
      try (Device device = tier.open(2)) {
        assertEquals(Optional.of(Isa.valueOf(tier.name())), device.isa());
        assertEquals(2, device.threads());
      }
    }
  }

  @Test
  void theBestDeviceIsTheBestTier() {
    assumeTrue(System.getenv("RAPT_ISA") == null, "RAPT_ISA forces a tier");
    try (Device device = Device.best()) {
      assertEquals(Tier.usable().getLast().name(), device.isa().map(Isa::name).orElse("none"));
    }
  }

  @Test
  void aPlanNamesItsTier() {
    AttentionCase c = AttentionCase.parse("b1 h2 q40 k60 d64 lse");
    try (AttentionCall call = new AttentionCall(c)) {
      AttentionTensors tensors = call.tensors();
      for (Tier tier : Tier.usable()) {
        Plan plan = call.attention().plan(tier.device(), tensors);
        assertTrue(plan.supported(), plan::reason);
        assertTrue(plan.name().contains(tier.name().toLowerCase(Locale.ROOT)), plan::name);
      }
    }
  }

  @Test
  void aPlanNamesBytes() {
    for (String shape : new String[] {"b1 h2 q40 k60 d64", "b1 h2 q1 k60 d64"}) {
      AttentionCase c = AttentionCase.parse(shape + " dtype(f32,i8,i8,f32,f32)");
      try (AttentionCall call = new AttentionCall(c)) {
        for (Tier tier : Tier.usableNative()) {
          Plan plan = call.attention().plan(tier.device(), call.tensors());
          assertTrue(plan.supported(), plan::reason);
          assertTrue(plan.name().contains("_f32_i8_"), plan::name);
        }
      }
    }
  }
}
