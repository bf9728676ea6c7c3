// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Backend;
import org.jspecify.annotations.Nullable;

/** Where a call runs: on a device, complete on return, or behind other work on a stream. */
abstract class Place {
  Place() {}

  /** The calls. */
  abstract Backend backend();

  /** Begins a call, so that closing waits for its {@link #exit()}. */
  abstract void enter();

  /** Ends a call. */
  abstract void exit();

  /**
   * Refuses a tensor that does not lie where this place computes. A stream also notes in the
   * tensor's memory that closing it must wait; so this comes before the call, whatever becomes of
   * it.
   */
  abstract void admit(String name, @Nullable Tensor tensor);
}
