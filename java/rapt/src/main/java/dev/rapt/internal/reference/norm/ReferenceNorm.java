// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.norm;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.OperandView;
import dev.rapt.internal.ops.NormOperation;
import org.jspecify.annotations.Nullable;

/**
 * Section 3 of Ba, Kiros and Hinton, "Layer Normalization" (2016): a row is centred, divided by its
 * standard deviation, and scaled and moved feature by feature.
 */
public final class ReferenceNorm {
  private ReferenceNorm() {}

  /** Runs a checked call; the output may be the input. */
  public static void run(NormOperation operation, CallFrame call) {
    OperandView input = OperandView.of(call, NormOperation.INPUT);
    OperandView residual = OperandView.optional(call, NormOperation.RESIDUAL);
    OperandView weight = OperandView.of(call, NormOperation.WEIGHT);
    OperandView bias = OperandView.optional(call, NormOperation.BIAS);
    OperandView output = OperandView.of(call, NormOperation.OUTPUT);
    NormOperation.Sizes sizes = operation.sizes(call);
    double[] row = new double[(int) sizes.features()];
    for (long b = 0; b < sizes.batch(); b++) {
      for (long r = 0; r < sizes.rows(); r++) {
        for (int f = 0; f < row.length; f++) {
          row[f] = input.get(b, r, f, 0) + orZero(residual, b, r, f);
        }
        double mean = mean(row);
        double deviation = Math.sqrt(variance(row, mean) + operation.epsilon());
        for (int f = 0; f < row.length; f++) {
          double normal = (row[f] - mean) / deviation;
          output.set(normal * weight.get(f, 0, 0, 0) + orZero(bias, f, 0, 0), b, r, f, 0);
        }
      }
    }
  }

  private static double orZero(@Nullable OperandView view, long i0, long i1, long i2) {
    return view == null ? 0 : view.get(i0, i1, i2, 0);
  }

  private static double mean(double[] row) {
    double sum = 0;
    for (double x : row) {
      sum += x;
    }
    return sum / row.length;
  }

  private static double variance(double[] row, double mean) {
    double sum = 0;
    for (double x : row) {
      sum += (x - mean) * (x - mean);
    }
    return sum / row.length;
  }
}
