// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

/** How other shapes may stand for an operand's own. */
public enum Fit {
  EXACT,
  /** Lower ranks and sizes of 1 broadcast, right-aligned. */
  BROADCAST,
  /** The first dimension may be absent. */
  SHARED,
  /** The last dimension may be absent, or any divisor of a row. */
  GROUPED
}
