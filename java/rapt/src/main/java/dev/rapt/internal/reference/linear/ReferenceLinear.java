// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.linear;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.OperandView;
import dev.rapt.internal.ops.LinearOperation;

/** A linear layer row by row. */
public final class ReferenceLinear {
  private ReferenceLinear() {}

  /** Runs a checked call. */
  public static void run(LinearOperation operation, CallFrame call) {
    ReferenceWeights weights = (ReferenceWeights) operation.weights();
    OperandView inputs = OperandView.of(call, LinearOperation.INPUT);
    OperandView outputs = OperandView.of(call, LinearOperation.OUTPUT);
    for (long b = 0; b < operation.batch(call); b++) {
      for (long row = 0; row < operation.rows(call); row++) {
        double[] result = weights.apply(inputs, b, row);
        for (int d = 0; d < result.length; d++) {
          outputs.set(result[d], b, row, d, 0);
        }
      }
    }
  }
}
