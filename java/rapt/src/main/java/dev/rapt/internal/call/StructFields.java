// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import java.lang.foreign.MemoryLayout;

/** Where an operation's struct has its operands and sizes; its number and size. */
final class StructFields {
  static final long NONE = -1;

  final int number;
  final long byteSize;

  /** The offset of each line's rapt_tensor. */
  final long[] operands;

  /** The offset of each size's int64, or NONE. */
  final long[] sizes;

  StructFields(int number, MemoryLayout layout, Operand[] operands, Dimension[] dimensions) {
    this.number = number;
    byteSize = layout.byteSize();
    this.operands = new long[operands.length];
    for (int i = 0; i < operands.length; i++) {
      this.operands[i] = operands[i].field.getAsLong();
    }
    sizes = new long[dimensions.length];
    for (int i = 0; i < dimensions.length; i++) {
      sizes[i] = dimensions[i].field() == null ? NONE : dimensions[i].field().getAsLong();
    }
  }
}
