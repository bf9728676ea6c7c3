// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.append;

import dev.rapt.internal.call.OperandView;
import java.util.HashMap;
import java.util.Map;

/** That each token has a slot of the cache, or -1, and no two the same. */
final class SlotChecks {
  private SlotChecks() {}

  static void check(OperandView slots, long batch, long length, long count) {
    Map<Long, Long> tokens = new HashMap<>();
    for (long b = 0; b < batch; b++) {
      for (long s = 0; s < length; s++) {
        long slot = slots.getLong(b, s);
        if (slot < -1 || slot >= count) {
          throw new IllegalArgumentException(
              "slots" + index(b, s) + " is " + slot + "; allowed: -1 to " + (count - 1));
        }
        Long other = slot < 0 ? null : tokens.put(slot, b * length + s);
        if (other != null) {
          throw new IllegalArgumentException(
              "slots"
                  + index(other / length, other % length)
                  + " and slots"
                  + index(b, s)
                  + " are both "
                  + slot
                  + "; allowed: a slot once");
        }
      }
    }
  }

  private static String index(long b, long s) {
    return "(" + b + ", " + s + ")";
  }
}
