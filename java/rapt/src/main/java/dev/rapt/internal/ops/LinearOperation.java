// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import static dev.rapt.internal.call.OperandTable.MAX_SIZE;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.Operand;
import dev.rapt.internal.call.OperandTable;
import dev.rapt.internal.call.Operation;
import dev.rapt.internal.call.PackedWeights;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_linear;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** output = input . weightᵀ + bias: {@code linear.h}. */
public final class LinearOperation extends Operation {
  /** Slots of the tensors. */
  public static final int INPUT = 0;

  public static final int OUTPUT = 1;

  private static final OperandTable TABLE =
      OperandTable.of("linear", rapt_h::RAPT_LINEAR, rapt_linear::layout)
          .size("B", "batch", rapt_linear::batch$offset, 0, MAX_SIZE)
          .droppedAt(1)
          .size("rows", "rows", rapt_linear::rows$offset, 0, MAX_SIZE)
          .size("in", "features read")
          .size("out", "features written")
          .operand(
              Operand.read(INPUT, "input", "B rows in", Operand.FLOATS)
                  .at(rapt_linear::input$offset))
          .operand(
              Operand.write(OUTPUT, "output", "B rows out", Operand.FLOATS)
                  .at(rapt_linear::output$offset))
          .build();

  private static final int B = TABLE.index("B");
  private static final int ROWS = TABLE.index("rows");
  private static final int IN = TABLE.index("in");
  private static final int OUT = TABLE.index("out");

  private final PackedWeights weights;

  /** A layer with these weights. */
  public LinearOperation(PackedWeights weights) {
    this.weights = weights;
  }

  /** The weights. */
  public PackedWeights weights() {
    return weights;
  }

  /** The batch of a checked call. */
  public long batch(CallFrame call) {
    return call.size(B);
  }

  /** The rows of a checked call, in each sample. */
  public long rows(CallFrame call) {
    return call.size(ROWS);
  }

  @Override
  public OperandTable table() {
    return TABLE;
  }

  @Override
  public void given(CallFrame call) {
    call.size(IN, weights.inFeatures());
    call.size(OUT, weights.outFeatures());
  }

  @Override
  public void write(CallFrame call, MemorySegment struct) {
    struct.set(ValueLayout.ADDRESS, Fields.WEIGHTS, weights.handle());
  }

  /** Offsets, which native calls alone ask for. */
  private static final class Fields {
    static final long WEIGHTS = rapt_linear.weights$offset();
  }
}
