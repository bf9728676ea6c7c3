// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import dev.rapt.Capabilities;
import dev.rapt.CpuOptions;
import dev.rapt.Device;
import dev.rapt.Isa;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What equal inputs have equal bits on.
 *
 * @param isa null = the Java reference
 */
record Tier(String name, @Nullable Isa isa) {
  /** All that this machine can run; the best one stands first. */
  static List<Tier> usable() {
    List<Tier> tiers = new ArrayList<>();
    for (Capabilities.Tier tier : Capabilities.probe().cpu().tiers().reversed()) {
      if (tier.usable()) {
        tiers.add(new Tier(tier.isa().name().toLowerCase(Locale.ROOT), tier.isa()));
      }
    }
    tiers.add(new Tier("java", null));
    return tiers;
  }

  Device open(int threads) {
    return isa == null
        ? Device.java()
        : Device.cpu(CpuOptions.builder().isa(isa).threads(threads).build());
  }

  /** Whether the case is small enough: the slower a tier, the less of it is enough. */
  boolean affords(long work) {
    return isa == null ? work < 1L << 15 : isa != Isa.PORTABLE || work < 1L << 21;
  }
}
