// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.ops;

import static dev.rapt.internal.call.OperandTable.MAX_FEATURES;
import static dev.rapt.internal.call.OperandTable.MAX_HEAD_DIM;
import static dev.rapt.internal.call.OperandTable.MAX_SIZE;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.Operand;
import dev.rapt.internal.call.Operand.Fit;
import dev.rapt.internal.call.OperandTable;
import dev.rapt.internal.call.Operation;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_rope;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.LongSupplier;

/** Rotary position embedding: {@code rope.h}. */
public final class RopeOperation extends Operation {
  /** Slots of the tensors. */
  public static final int INPUT = 0;

  public static final int OUTPUT = 1;
  public static final int COSINE = 2;
  public static final int SINE = 3;
  public static final int POSITIONS = 4;

  private static final int BY_POSITION = 1;
  private static final int BY_TOKEN = 2;

  private static final OperandTable TABLE =
      OperandTable.of("rope", rapt_h::RAPT_ROPE, rapt_rope::layout)
          .size("B", "batch", rapt_rope::batch$offset, 0, MAX_SIZE)
          .droppedAt(1)
          .size("H", "heads", rapt_rope::heads$offset, 1, MAX_FEATURES)
          .droppedAt(2)
          .size("S", "length", rapt_rope::length$offset, 0, MAX_SIZE)
          .size("D", "head dimension", rapt_rope::head_dim$offset, 1, MAX_HEAD_DIM)
          .size("T", "rows", rapt_rope::table_length$offset, 1, MAX_SIZE)
          .size("R/2", "pairs that turn")
          .operand(
              Operand.read(INPUT, "input", "B H S D", Operand.FLOATS).at(rapt_rope::input$offset))
          .operand(
              Operand.write(OUTPUT, "output", "B H S D", Operand.FLOATS)
                  .at(rapt_rope::output$offset)
                  .inPlaceOf(INPUT))
          .operand(
              Operand.read(POSITIONS, "positions", "B S", Operand.INDICES)
                  .at(rapt_rope::positions$offset)
                  .optional()
                  .fit(Fit.SHARED))
          .operand(byPosition(COSINE, "cosine", rapt_rope::cosine$offset))
          .operand(byPosition(SINE, "sine", rapt_rope::sine$offset))
          .operand(byToken(COSINE, "cosine", rapt_rope::cosine$offset))
          .operand(byToken(SINE, "sine", rapt_rope::sine$offset))
          .build();

  private static final int B = TABLE.index("B");
  private static final int H = TABLE.index("H");
  private static final int S = TABLE.index("S");
  private static final int T = TABLE.index("T");
  private static final int D = TABLE.index("D");
  private static final int PAIRS = TABLE.index("R/2");

  private final boolean interleaved;
  private final long rotaryDim;

  /**
   * An embedding.
   *
   * @param interleaved whether elements 2i and 2i + 1 form pair i; otherwise i and i + R / 2
   * @param rotaryDim R, even: the elements at a row's beginning that turn; 0 = all of them
   */
  public RopeOperation(boolean interleaved, long rotaryDim) {
    this.interleaved = interleaved;
    this.rotaryDim = rotaryDim;
  }

  private static Operand byPosition(int slot, String name, LongSupplier field) {
    return Operand.read(slot, name, "T R/2", Operand.FLOATS).at(field).when(BY_POSITION);
  }

  private static Operand byToken(int slot, String name, LongSupplier field) {
    return Operand.read(slot, name, "B S R/2", Operand.FLOATS)
        .at(field)
        .when(BY_TOKEN)
        .fit(Fit.SHARED);
  }

  /** Whether elements 2i and 2i + 1 form pair i. */
  public boolean interleaved() {
    return interleaved;
  }

  /** The sizes of a checked call. */
  public record Sizes(long batch, long heads, long length, long headDim, long rows, long pairs) {}

  /** The sizes of a checked call; {@code rows} are those of the tables by position. */
  public Sizes sizes(CallFrame call) {
    return new Sizes(
        call.size(B), call.size(H), call.size(S), call.size(D), call.size(T), call.size(PAIRS));
  }

  @Override
  public OperandTable table() {
    return TABLE;
  }

  @Override
  public void rules(CallFrame call) {
    long headDim = call.size(D);
    long turning = rotaryDim == 0 ? headDim : rotaryDim;
    if (turning > headDim || turning % 2 != 0) {
      throw new IllegalArgumentException(
          "rotaryDim is "
              + (rotaryDim == 0 ? "0, which stands for all " : "")
              + turning
              + "; allowed: even, at most the head dimension "
              + headDim);
    }
    call.size(PAIRS, turning / 2);
    call.cases(call.tensor(POSITIONS) == null ? BY_TOKEN : BY_POSITION);
  }

  @Override
  public void write(CallFrame call, MemorySegment struct) {
    struct.set(ValueLayout.JAVA_LONG, Fields.ROTARY_DIM, 2 * call.size(PAIRS));
    struct.set(
        ValueLayout.JAVA_INT, Fields.FLAGS, interleaved ? rapt_h.RAPT_ROPE_INTERLEAVED() : 0);
  }

  /** Offsets, which native calls alone ask for. */
  private static final class Fields {
    static final long ROTARY_DIM = rapt_rope.rotary_dim$offset();
    static final long FLAGS = rapt_rope.flags$offset();
  }
}
