// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import static dev.rapt.internal.call.OperandTable.MAX_FEATURES;
import static dev.rapt.internal.call.OperandTable.MAX_SIZE;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.Operand;
import dev.rapt.internal.call.OperandTable;
import dev.rapt.internal.call.Operation;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_norm;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Layer normalisation: {@code norm.h}. */
public final class NormOperation extends Operation {
  /** Slots of the tensors. */
  public static final int INPUT = 0;

  public static final int RESIDUAL = 1;
  public static final int WEIGHT = 2;
  public static final int BIAS = 3;
  public static final int OUTPUT = 4;

  private static final OperandTable TABLE =
      OperandTable.of("norm", rapt_h::RAPT_NORM, rapt_norm::layout)
          .size("B", "batch", rapt_norm::batch$offset, 0, MAX_SIZE)
          .droppedAt(1)
          .size("R", "rows", rapt_norm::rows$offset, 0, MAX_SIZE)
          .size("F", "features", rapt_norm::features$offset, 1, MAX_FEATURES)
          .operand(
              Operand.read(INPUT, "input", "B R F", Operand.FLOATS).at(rapt_norm::input$offset))
          .operand(
              Operand.read(RESIDUAL, "residual", "B R F", Operand.FLOATS)
                  .at(rapt_norm::residual$offset)
                  .optional())
          .operand(Operand.read(WEIGHT, "weight", "F", Operand.FLOATS).at(rapt_norm::weight$offset))
          .operand(
              Operand.read(BIAS, "bias", "F", Operand.FLOATS).at(rapt_norm::bias$offset).optional())
          .operand(
              Operand.write(OUTPUT, "output", "B R F", Operand.FLOATS)
                  .at(rapt_norm::output$offset)
                  .inPlaceOf(INPUT))
          .build();

  private static final int B = TABLE.index("B");
  private static final int R = TABLE.index("R");
  private static final int F = TABLE.index("F");

  private final float epsilon;

  /** A normalisation with this epsilon, positive and finite. */
  public NormOperation(float epsilon) {
    this.epsilon = epsilon;
  }

  /** What is added to the variance. */
  public float epsilon() {
    return epsilon;
  }

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

  @Override
  public void write(CallFrame call, MemorySegment struct) {
    struct.set(ValueLayout.JAVA_FLOAT, Fields.EPSILON, epsilon);
  }

  /** Offsets, which native calls alone ask for. */
  private static final class Fields {
    static final long EPSILON = rapt_norm.epsilon$offset();
  }
}
