// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal;

/**
 * (out, in): weights in the form one backend computes with. Immutable and thread-safe until closed.
 */
public interface Projection {
  /** Features read. */
  long inFeatures();

  /** Features written. */
  long outFeatures();

  /** Frees the weights; nothing may be using them. */
  void close();
}
