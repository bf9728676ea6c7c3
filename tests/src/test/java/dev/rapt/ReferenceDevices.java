// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.reference.ReferencePrecision;

/** The reference at the precisions that tests compare with. */
public final class ReferenceDevices {
  private ReferenceDevices() {}

  /** The reference with every intermediate rounded to f32: the yardstick of the error bound. */
  public static Device f32() {
    return new JavaDevice(ReferencePrecision.F32, "Java reference rounded to f32, 1 thread");
  }
}
