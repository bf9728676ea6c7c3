// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import static dev.rapt.internal.call.OperandTable.MAX_FEATURES;
import static dev.rapt.internal.call.OperandTable.MAX_SIZE;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.Operand;
import dev.rapt.internal.call.OperandTable;
import dev.rapt.internal.call.Operation;
import dev.rapt.internal.ffi.rapt_gelu;
import dev.rapt.internal.ffi.rapt_h;

/** The activation GELU: {@code gelu.h}. */
public final class GeluOperation extends Operation {
  /** Slots of the tensors. */
  public static final int INPUT = 0;

  public static final int OUTPUT = 1;

  private static final OperandTable TABLE =
      OperandTable.of("gelu", rapt_h::RAPT_GELU, rapt_gelu::layout)
          .size("B", "batch", rapt_gelu::batch$offset, 0, MAX_SIZE)
          .droppedAt(1)
          .size("R", "rows", rapt_gelu::rows$offset, 0, MAX_SIZE)
          .size("F", "features", rapt_gelu::features$offset, 1, MAX_FEATURES)
          .operand(
              Operand.read(INPUT, "input", "B R F", Operand.FLOATS).at(rapt_gelu::input$offset))
          .operand(
              Operand.write(OUTPUT, "output", "B R F", Operand.FLOATS)
                  .at(rapt_gelu::output$offset)
                  .inPlaceOf(INPUT))
          .build();

  private static final int B = TABLE.index("B");
  private static final int R = TABLE.index("R");
  private static final int F = TABLE.index("F");

  /** The sizes of a checked call. */
  public record Sizes(long batch, long rows, long features) {}

  /** The sizes of a checked call. */
  public Sizes sizes(CallFrame call) {
    return new Sizes(call.size(B), call.size(R), call.size(F));
  }

  @Override
  public OperandTable table() {
    return TABLE;
  }
}
