// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.util.Objects;

/**
 * What a call would do. The call itself asks the same function, so the two cannot disagree.
 * Immutable.
 *
 * {@snippet :
 * Plan plan = attention.plan(device, query, key, value, output);
 * String kernel = plan.supported() ? plan.name() : "none: " + plan.reason();
 * }
 *
 * @param name the kernel, for example {@code sdpa_prefill_f32_avx512_d128}. One with {@code _mma}
 *     in it runs attention on a GPU's tensor cores, which round the softmax's weights to the dtype
 *     of query, key and value
 * @param supported whether the device can run the call
 * @param reason why the device cannot run it. Where it can, empty but on a GPU: there it says that
 *     the best kernel failed its self-check and is left out, that {@code RAPT_KERNEL} forces one,
 *     or that int8 keys or values are expected to be slow
 * @param scratchBytes bytes of scratch that the call uses; the device owns it
 * @param threads the largest number of threads that work on the call, the calling one among them
 */
public record Plan(String name, boolean supported, String reason, long scratchBytes, int threads) {
  /** Checks that nothing is null. */
  public Plan {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(reason, "reason");
  }
}
