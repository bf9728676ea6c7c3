// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.util.Objects;

/**
 * What a call would do, made by the same function that the call itself uses.
 *
 * {@snippet :
 * Plan plan = attention.plan(device, query, key, value, output);
 * String kernel = plan.supported() ? plan.name() : "none: " + plan.reason();
 * }
 *
 * @param name the kernel, for example {@code sdpa_prefill_f32_avx512_d128}
 * @param supported whether the device can run the call
 * @param reason why not; empty where it can
 * @param scratchBytes bytes of device-owned scratch the call uses
 * @param threads threads that take part at most
 */
public record Plan(String name, boolean supported, String reason, long scratchBytes, int threads) {
  /** Checks that nothing is null. */
  public Plan {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(reason, "reason");
  }
}
