// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.sdpa;

import static dev.rapt.internal.ops.SdpaOperation.ALIBI_SLOPES;
import static dev.rapt.internal.ops.SdpaOperation.BIAS;
import static dev.rapt.internal.ops.SdpaOperation.KEY;
import static dev.rapt.internal.ops.SdpaOperation.KEY_SCALE;
import static dev.rapt.internal.ops.SdpaOperation.LSE;
import static dev.rapt.internal.ops.SdpaOperation.MASK;
import static dev.rapt.internal.ops.SdpaOperation.OUTPUT;
import static dev.rapt.internal.ops.SdpaOperation.POSITIONS;
import static dev.rapt.internal.ops.SdpaOperation.QUERY;
import static dev.rapt.internal.ops.SdpaOperation.SINKS;
import static dev.rapt.internal.ops.SdpaOperation.VALUE;
import static dev.rapt.internal.ops.SdpaOperation.VALUE_SCALE;
import static dev.rapt.internal.ops.SdpaOperation.WEIGHTS;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.OperandView;
import dev.rapt.internal.ops.SdpaOperation;
import dev.rapt.internal.ops.SdpaOptions;
import org.jspecify.annotations.Nullable;

/** Attention head by head. */
public final class ReferenceSdpa {
  private ReferenceSdpa() {}

  /** Runs a checked call. */
  public static void run(SdpaOperation operation, CallFrame call) {
    SdpaOptions options = operation.options();
    OperandView queries = OperandView.of(call, QUERY);
    OperandView keys = OperandView.of(call, KEY);
    OperandView values = OperandView.of(call, VALUE);
    OperandView keyScales = OperandView.optional(call, KEY_SCALE);
    OperandView valueScales = OperandView.optional(call, VALUE_SCALE);
    OperandView outputs = OperandView.of(call, OUTPUT);
    OperandView lses = OperandView.optional(call, LSE);
    OperandView weights = OperandView.optional(call, WEIGHTS);
    HeadInputs inputs =
        new HeadInputs(
            OperandView.optional(call, MASK),
            OperandView.optional(call, BIAS),
            null,
            OperandView.optional(call, ALIBI_SLOPES),
            OperandView.optional(call, SINKS),
            OperandView.optional(call, POSITIONS));
    SdpaOperation.Sizes sizes = operation.sizes(call);
    int queryLen = (int) sizes.queryLen();
    int kvLen = (int) sizes.kvLen();
    int headDim = (int) sizes.headDim();
    int valueDim = (int) sizes.valueDim();
    long group = sizes.heads() / sizes.kvHeads();
    long position = options.position(queryLen, kvLen);
    for (long b = 0; b < sizes.batch(); b++) {
      for (long kvHead = 0; kvHead < sizes.kvHeads(); kvHead++) {
        double[][] k = keys.matrix(b, kvHead, kvLen, headDim);
        double[][] v = values.matrix(b, kvHead, kvLen, valueDim);
        dequantise(k, keyScales, operation.keyGroups(call), b, kvHead);
        dequantise(v, valueScales, operation.valueGroups(call), b, kvHead);
        for (long h = kvHead * group; h < (kvHead + 1) * group; h++) {
          double[][] q = queries.matrix(b, h, queryLen, headDim);
          AttentionHead.Scores scores = inputs.at(b, h, position);
          new AttentionHead(options, scores, k, v, headDim, valueDim, kvLen)
              .attend(q, sink(outputs, lses, weights, b, h));
        }
      }
    }
  }

  private static AttentionHead.RowSink sink(
      OperandView outputs,
      @Nullable OperandView lses,
      @Nullable OperandView weights,
      long b,
      long h) {
    return (i, output, lse, scores) -> {
      outputs.setRow(output, b, h, i);
      if (lses != null) {
        lses.set(lse, b, h, i, 0);
      }
      if (weights != null) {
        weights.setRow(scores, b, h, i);
      }
    };
  }

  /** Multiplies each group of neighbours in a row by its scale; one without a scale stays. */
  private static void dequantise(
      double[][] rows, @Nullable OperandView scales, long groups, long b, long kvHead) {
    if (scales == null) {
      return;
    }
    for (int row = 0; row < rows.length; row++) {
      double[] elements = rows[row];
      int group = elements.length / (int) groups;
      for (int d = 0; d < elements.length; d++) {
        elements[d] *= scales.get(b, kvHead, row, d / group);
      }
    }
  }
}
