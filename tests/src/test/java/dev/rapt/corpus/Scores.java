// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.Attention;
import dev.rapt.Causal;
import dev.rapt.Tensor;
import dev.rapt.WeightsStage;
import java.lang.foreign.Arena;
import java.util.Arrays;

/** What stands between scores and weights, the same for attention and multi-head attention. */
final class Scores {
  private Scores() {}

  static Attention attention(Problem p) {
    Attention.Builder attention = Attention.builder().softcap(p.real("softcap"));
    if (p.isBrief() && p.is("causal") && isAtTheEnd(p)) {
      attention.causal(Causal.BOTTOM_RIGHT);
    } else {
      attention.causal(p.is("causal") ? Causal.TOP_LEFT : Causal.NONE);
      if (!isPerSample(p)) {
        attention.position(p.integer("offset"));
      }
    }
    if (p.is("scaled")) {
      attention.scale(p.real("scale"));
    }
    if (p.is("window")) {
      attention.window(p.integer("window_left"), p.integer("window_right"));
    }
    if (p.has("weights")) {
      attention.weightsStage(WeightsStage.values()[(int) p.integer("stage")]);
    }
    return attention.build();
  }

  /** The position of query 0 again for each sample, in place of the attention's; null where not. */
  static Tensor positions(Problem p) {
    if (!isPerSample(p)) {
      return null;
    }
    long[] same = new long[(int) p.integer("batch")];
    Arrays.fill(same, p.integer("offset"));
    return Tensor.copyOf(Arena.ofAuto(), same, same.length);
  }

  private static boolean isPerSample(Problem p) {
    return p.number() % 4 == 2;
  }

  /** Whether the last query stands at the last key. */
  private static boolean isAtTheEnd(Problem p) {
    return p.integer("offset") == p.integer("kv_len") - p.integer("q_len");
  }
}
