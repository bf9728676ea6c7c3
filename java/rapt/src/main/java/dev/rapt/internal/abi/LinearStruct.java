// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.Tensor;
import dev.rapt.internal.Projection;
import dev.rapt.internal.ffi.rapt_linear;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Writes a rapt_linear. Every field that a call reads is written anew; struct_size stays. */
final class LinearStruct {
  private static final long WEIGHTS = rapt_linear.weights$offset();
  private static final long INPUT = rapt_linear.input$offset();
  private static final long OUTPUT = rapt_linear.output$offset();
  private static final long BATCH = rapt_linear.batch$offset();
  private static final long ROWS = rapt_linear.rows$offset();

  private LinearStruct() {}

  static void write(
      MemorySegment call,
      MemorySegment stream,
      Projection projection,
      Tensor input,
      Tensor output) {
    HeadStruct.stream(call, stream);
    call.set(ValueLayout.ADDRESS, WEIGHTS, ((NativeProjection) projection).weights());
    TensorStruct.write(call, INPUT, input, 3);
    TensorStruct.write(call, OUTPUT, output, 3);
    call.set(ValueLayout.JAVA_LONG, BATCH, input.rank() == 3 ? input.size(0) : 1);
    call.set(ValueLayout.JAVA_LONG, ROWS, input.size(input.rank() - 2));
  }
}
