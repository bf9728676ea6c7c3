// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import java.lang.foreign.MemorySegment;

/**
 * (out, in): weights in the form one backend computes with. Immutable and thread-safe until closed.
 */
public interface PackedWeights {
  /** Features read. */
  long inFeatures();

  /** Features written. */
  long outFeatures();

  /** The rapt_linear_weights; NULL where the weights are Java's. */
  MemorySegment handle();

  /** Frees the weights; nothing may be using them. */
  void close();
}
