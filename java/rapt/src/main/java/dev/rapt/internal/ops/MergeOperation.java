// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import static dev.rapt.internal.call.OperandTable.MAX_FEATURES;
import static dev.rapt.internal.call.OperandTable.MAX_HEAD_DIM;
import static dev.rapt.internal.call.OperandTable.MAX_SIZE;

import dev.rapt.DType;
import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.Operand;
import dev.rapt.internal.call.OperandTable;
import dev.rapt.internal.call.Operation;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_merge;

/** Partial results of attention become one: {@code merge.h}. */
public final class MergeOperation extends Operation {
  /** Slots of the tensors. */
  public static final int PARTIAL_OUTPUT = 0;

  public static final int PARTIAL_LSE = 1;
  public static final int OUTPUT = 2;
  public static final int LSE = 3;

  private static final OperandTable TABLE =
      OperandTable.of("merge", rapt_h::RAPT_MERGE, rapt_merge::layout)
          .size("P", "parts", rapt_merge::parts$offset, 0, MAX_SIZE)
          .size("B", "batch", rapt_merge::batch$offset, 0, MAX_SIZE)
          .droppedAt(1)
          .size("H", "heads", rapt_merge::heads$offset, 1, MAX_FEATURES)
          .droppedAt(2)
          .size("S", "query length", rapt_merge::query_len$offset, 0, MAX_SIZE)
          .size("Dv", "value's head dimension", rapt_merge::value_dim$offset, 1, MAX_HEAD_DIM)
          .operand(
              Operand.read(PARTIAL_OUTPUT, "partialOutput", "P B H S Dv", Operand.FLOATS)
                  .at(rapt_merge::partial_output$offset))
          .operand(
              Operand.read(PARTIAL_LSE, "partialLse", "P B H S", DType.F32)
                  .at(rapt_merge::partial_lse$offset))
          .operand(
              Operand.write(OUTPUT, "output", "B H S Dv", Operand.FLOATS)
                  .at(rapt_merge::output$offset))
          .operand(
              Operand.write(LSE, "lse", "B H S", DType.F32).at(rapt_merge::lse$offset).optional())
          .build();

  private static final int P = TABLE.index("P");
  private static final int B = TABLE.index("B");
  private static final int H = TABLE.index("H");
  private static final int S = TABLE.index("S");
  private static final int DV = TABLE.index("Dv");

  /** The sizes of a checked call. */
  public record Sizes(long parts, long batch, long heads, long queryLen, long valueDim) {}

  /** The sizes of a checked call. */
  public Sizes sizes(CallFrame call) {
    return new Sizes(call.size(P), call.size(B), call.size(H), call.size(S), call.size(DV));
  }

  @Override
  public OperandTable table() {
    return TABLE;
  }
}
