// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.merge;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.OperandView;
import dev.rapt.internal.ops.MergeOperation;

/**
 * Section 3.1 of Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018): parts
 * of a softmax, each with its log-sum-exp, become the whole one.
 */
public final class ReferenceMerge {
  private ReferenceMerge() {}

  /** Runs a checked call. */
  public static void run(MergeOperation operation, CallFrame call) {
    OperandView partials = OperandView.of(call, MergeOperation.PARTIAL_OUTPUT);
    OperandView partialLses = OperandView.of(call, MergeOperation.PARTIAL_LSE);
    OperandView outputs = OperandView.of(call, MergeOperation.OUTPUT);
    OperandView lses = OperandView.optional(call, MergeOperation.LSE);
    MergeOperation.Sizes sizes = operation.sizes(call);
    double[] partLse = new double[(int) sizes.parts()];
    double[] row = new double[(int) sizes.valueDim()];
    for (long b = 0; b < sizes.batch(); b++) {
      for (long h = 0; h < sizes.heads(); h++) {
        for (long s = 0; s < sizes.queryLen(); s++) {
          for (int p = 0; p < partLse.length; p++) {
            partLse[p] = partialLses.get(p, b, h, s);
          }
          double lse = logSumExp(partLse);
          weightedSum(partials, partLse, lse, row, b, h, s);
          outputs.setRow(row, b, h, s);
          if (lses != null) {
            lses.set(lse, b, h, s, 0);
          }
        }
      }
    }
  }

  /** ln of the sum of exp; -inf without any part. */
  private static double logSumExp(double[] lses) {
    double max = Double.NEGATIVE_INFINITY;
    for (double lse : lses) {
      max = Math.max(max, lse);
    }
    if (max == Double.NEGATIVE_INFINITY) {
      return max;
    }
    double sum = 0;
    for (double lse : lses) {
      sum += Math.exp(lse - max);
    }
    return max + Math.log(sum);
  }

  private static void weightedSum(
      OperandView partials, double[] lses, double lse, double[] row, long b, long h, long s) {
    for (int d = 0; d < row.length; d++) {
      double sum = 0;
      for (int p = 0; p < lses.length; p++) {
        // An empty part's output may be anything, NaN too.
        if (lses[p] != Double.NEGATIVE_INFINITY) {
          sum += Math.exp(lses[p] - lse) * partials.at(p).get(b, h, s, d);
        }
      }
      row[d] = sum;
    }
  }
}
