// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.Tensor;
import dev.rapt.internal.RotaryOptions;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_rope;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Writes a rapt_rope. Every field that a call reads is written anew; struct_size stays. */
final class RopeStruct {
  private static final long INPUT = rapt_rope.input$offset();
  private static final long OUTPUT = rapt_rope.output$offset();
  private static final long COSINE = rapt_rope.cosine$offset();
  private static final long SINE = rapt_rope.sine$offset();
  private static final long POSITIONS = rapt_rope.positions$offset();
  private static final long BATCH = rapt_rope.batch$offset();
  private static final long HEADS = rapt_rope.heads$offset();
  private static final long LENGTH = rapt_rope.length$offset();
  private static final long HEAD_DIM = rapt_rope.head_dim$offset();
  private static final long ROTARY_DIM = rapt_rope.rotary_dim$offset();
  private static final long TABLE_LENGTH = rapt_rope.table_length$offset();
  private static final long FLAGS = rapt_rope.flags$offset();

  private RopeStruct() {}

  static void write(
      MemorySegment call,
      MemorySegment stream,
      RotaryOptions options,
      Tensor input,
      Tensor cosine,
      Tensor sine,
      @Nullable Tensor positions,
      Tensor output) {
    HeadStruct.stream(call, stream);
    TensorStruct.write(call, INPUT, input, 4);
    TensorStruct.write(call, OUTPUT, output, 4);
    // With positions a table's two strides come first; without them a missing batch is broadcast.
    int rank = positions == null ? 3 : 2;
    TensorStruct.write(call, COSINE, cosine, rank);
    TensorStruct.write(call, SINE, sine, rank);
    TensorStruct.writeOptional(call, POSITIONS, positions, 2);
    call.set(ValueLayout.JAVA_LONG, BATCH, input.size(0));
    call.set(ValueLayout.JAVA_LONG, HEADS, input.size(1));
    call.set(ValueLayout.JAVA_LONG, LENGTH, input.size(2));
    call.set(ValueLayout.JAVA_LONG, HEAD_DIM, input.size(3));
    call.set(ValueLayout.JAVA_LONG, ROTARY_DIM, options.rotaryDim(input.size(3)));
    call.set(ValueLayout.JAVA_LONG, TABLE_LENGTH, positions == null ? 0 : cosine.size(0));
    call.set(
        ValueLayout.JAVA_INT, FLAGS, options.interleaved() ? rapt_h.RAPT_ROPE_INTERLEAVED() : 0);
  }
}
