// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import java.lang.foreign.MemoryLayout;

/** Where an operation's struct has its operands and sizes; its number and size. */
final class StructFields {
  static final long NONE = -1;

  final int number;
  final long byteSize;

  /** The offset of each slot's rapt_tensor. */
  final long[] slots = new long[CallFrame.SLOTS];

  /** The offset of each size's int64, or NONE. */
  final long[] sizes;

  StructFields(int number, MemoryLayout layout, Operand[] operands, Dimension[] dimensions) {
    this.number = number;
    byteSize = layout.byteSize();
    for (Operand operand : operands) {
      slots[operand.slot] = operand.field.getAsLong();
    }
    sizes = new long[dimensions.length];
    for (int i = 0; i < dimensions.length; i++) {
      sizes[i] = dimensions[i].field() == null ? NONE : dimensions[i].field().getAsLong();
    }
  }
}
