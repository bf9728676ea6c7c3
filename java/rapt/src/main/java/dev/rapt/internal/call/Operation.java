// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import java.lang.foreign.MemorySegment;

/**
 * An operation with its options: a table of its operands, and what no table says. Immutable; one
 * instance serves any number of calls at a time.
 */
public abstract class Operation {
  /** The operands. */
  public abstract OperandTable table();

  /** Sets the sizes that come from options or weights, before any tensor is looked at. */
  public void given(CallFrame call) {}

  /**
   * The rules between operands: checks, derived sizes and cases. Runs once the operands that are
   * always there have passed.
   *
   * @throws IllegalArgumentException naming the value at fault and what was allowed
   */
  public void rules(CallFrame call) {}

  /** Writes the fields of the struct that are neither operands nor sizes. */
  public void write(CallFrame call, MemorySegment struct) {}
}
