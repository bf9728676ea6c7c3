// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.DType;

/**
 * A tensor of a call, before it has memory.
 *
 * @param name what messages call it
 * @param fit how other shapes may stand for this one
 * @param least the smallest value that it may hold, where it holds indices
 * @param most the largest one
 */
public record Slot(
    String name, Role role, Kind kind, DType dtype, Fit fit, long[] shape, long least, long most) {
  /** A tensor of any values. */
  public Slot(String name, Role role, Kind kind, DType dtype, Fit fit, long... shape) {
    this(name, role, kind, dtype, fit, shape, 0, 0);
  }

  /** Whether a call writes it. */
  public boolean written() {
    return role == Role.OUTPUT;
  }
}
