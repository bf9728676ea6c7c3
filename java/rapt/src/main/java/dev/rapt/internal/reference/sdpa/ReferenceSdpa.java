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

import dev.rapt.WeightsStage;
import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.OperandView;
import dev.rapt.internal.ops.SdpaOperation;
import dev.rapt.internal.ops.SdpaOptions;
import dev.rapt.internal.ops.SdpaSamples;
import java.util.Arrays;
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
    int kvLen = (int) sizes.kvLen();
    int headDim = (int) sizes.headDim();
    int valueDim = (int) sizes.valueDim();
    long group = sizes.heads() / sizes.kvHeads();
    SdpaSamples samples = operation.samples(call);
    samples.check();
    for (long b = 0; b < sizes.batch(); b++) {
      SdpaSamples.Sample sample = samples.at(b);
      Rows keyRows = new Rows(keys, keyScales, operation.keyGroups(call), samples, sample, b);
      Rows valueRows =
          new Rows(values, valueScales, operation.valueGroups(call), samples, sample, b);
      for (long kvHead = 0; kvHead < sizes.kvHeads(); kvHead++) {
        double[][] k = keyRows.read(kvHead, headDim);
        double[][] v = valueRows.read(kvHead, valueDim);
        for (long h = kvHead * group; h < (kvHead + 1) * group; h++) {
          double[][] q = new double[sample.queries()][headDim];
          for (int i = 0; i < q.length; i++) {
            for (int d = 0; d < headDim; d++) {
              q[i][d] = queries.get(sample.queryBatch(), h, sample.firstQuery() + i, d);
            }
          }
          AttentionHead.Scores scores = inputs.at(b, h, sample.position());
          Results results = new Results(outputs, lses, weights, kvLen, options.stage());
          new AttentionHead(options, scores, k, v, headDim, valueDim, sample.keys())
              .attend(q, results.of(sample, h));
        }
      }
    }
  }

  /** What a call writes; a row of weights has {@code kvLen} elements. */
  private record Results(
      OperandView outputs,
      @Nullable OperandView lses,
      @Nullable OperandView weights,
      int kvLen,
      WeightsStage stage) {
    AttentionHead.RowSink of(SdpaSamples.Sample sample, long h) {
      return (i, output, lse, scores) -> {
        long row = sample.firstQuery() + i;
        outputs.setRow(output, sample.queryBatch(), h, row);
        if (lses != null) {
          lses.set(lse, sample.queryBatch(), h, row, 0);
        }
        if (weights != null) {
          double[] all = Arrays.copyOf(scores, kvLen);
          double missing = stage == WeightsStage.SOFTMAX ? 0 : Double.NEGATIVE_INFINITY;
          Arrays.fill(all, scores.length, kvLen, missing);
          weights.setRow(all, sample.queryBatch(), h, row);
        }
      };
    }
  }

  /** Keys or values of sample {@code b}, each group of neighbours times its scale. */
  private record Rows(
      OperandView rows,
      @Nullable OperandView scales,
      long groups,
      SdpaSamples samples,
      SdpaSamples.Sample sample,
      long b) {
    double[][] read(long kvHead, int depth) {
      double[][] read = new double[sample.keys()][depth];
      for (int j = 0; j < read.length; j++) {
        long batch = samples.keyBatch(b, sample, j);
        long row = samples.keyRow(sample, j);
        for (int d = 0; d < depth; d++) {
          double scale =
              scales == null ? 1 : scales.get(batch, kvHead, row, d / (depth / (int) groups));
          read[j][d] = rows.get(batch, kvHead, row, d) * scale;
        }
      }
      return read;
    }
  }
}
