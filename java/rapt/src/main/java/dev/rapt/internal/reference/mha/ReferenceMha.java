// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.mha;

import dev.rapt.Tensor;
import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.OperandView;
import dev.rapt.internal.call.PackedWeights;
import dev.rapt.internal.ops.MhaModel;
import dev.rapt.internal.ops.MhaOperation;
import dev.rapt.internal.reference.linear.ReferenceWeights;
import dev.rapt.internal.reference.sdpa.AttentionHead;
import dev.rapt.internal.reference.sdpa.HeadInputs;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Section 3.2.2 of Vaswani et al. (2017): Concat(head_1, ..., head_h) Wᴼ with head_i = Attention(Q
 * Wᵢᵠ, K Wᵢᴷ, V Wᵢⱽ), with grouped key/value heads and the extra keys of
 * torch.nn.MultiheadAttention.
 */
public final class ReferenceMha {
  private final MhaModel model;
  private final HeadInputs inputs;
  private final OperandView query;
  private final OperandView key;
  private final OperandView value;
  private final OperandView output;
  private final @Nullable OperandView lses;
  private final @Nullable OperandView weights;
  private final long batch;
  private final int queryLen;
  private final int kvLen;

  /** A checked call. */
  public ReferenceMha(MhaOperation operation, CallFrame call) {
    model = operation.model();
    inputs =
        new HeadInputs(
            OperandView.optional(call, MhaOperation.MASK),
            OperandView.optional(call, MhaOperation.BIAS),
            OperandView.optional(call, MhaOperation.KEY_PADDING_MASK),
            OperandView.optional(call, MhaOperation.ALIBI_SLOPES),
            OperandView.optional(call, MhaOperation.SINKS),
            OperandView.optional(call, MhaOperation.POSITIONS));
    query = OperandView.of(call, MhaOperation.QUERY);
    key = OperandView.of(call, MhaOperation.KEY);
    value = OperandView.of(call, MhaOperation.VALUE);
    output = OperandView.of(call, MhaOperation.OUTPUT);
    lses = OperandView.optional(call, MhaOperation.LSE);
    weights = OperandView.optional(call, MhaOperation.WEIGHTS);
    batch = operation.batch(call);
    queryLen = (int) operation.queryLen(call);
    kvLen = (int) operation.kvLen(call);
  }

  /** Runs it. */
  public void run() {
    MhaModel.Projections projections = model.projections();
    MhaModel.Appended appended = model.appended();
    for (long b = 0; b < batch; b++) {
      double[][] q = project(projections.query(), query, b, queryLen, 0);
      double[][] k = project(projections.key(), key, b, kvLen, appended.count());
      double[][] v = project(projections.value(), value, b, kvLen, appended.count());
      append(k, appended.biasKey(), projections.key().outFeatures());
      append(v, appended.biasValue(), projections.value().outFeatures());
      double[][] heads = attend(b, q, k, v);
      for (int i = 0; i < queryLen; i++) {
        double[] row = heads[i];
        if (projections.output() != null) {
          row = ((ReferenceWeights) projections.output()).apply(row);
        }
        for (int d = 0; d < row.length; d++) {
          output.set(row[d], b, i, d, 0);
        }
      }
    }
  }

  /** (Sq, Hq * Dv): the heads side by side. */
  private double[][] attend(long b, double[][] q, double[][] k, double[][] v) {
    int headDim = (int) model.headDim();
    int valueDim = (int) model.valueDim();
    int group = model.heads() / model.kvHeads();
    boolean averaged = model.projections().averageWeights() && weights != null;
    double[][] concat = new double[q.length][model.heads() * valueDim];
    double[][] mean = new double[averaged ? q.length : 0][k.length];
    long position = model.options().position(queryLen, kvLen);
    for (int h = 0; h < model.heads(); h++) {
      int head = h;
      new AttentionHead(
              model.options(),
              inputs.at(b, h, position),
              columns(k, h / group * headDim, headDim),
              columns(v, h / group * valueDim, valueDim),
              headDim,
              valueDim,
              kvLen)
          .attend(
              columns(q, h * headDim, headDim),
              (i, row, lse, scores) -> {
                System.arraycopy(row, 0, concat[i], head * valueDim, valueDim);
                if (lses != null) {
                  lses.set(lse, b, head, i, 0);
                }
                if (averaged) {
                  addTo(mean[i], scores);
                } else if (weights != null) {
                  weights.setRow(scores, b, head, i);
                }
              });
    }
    for (int i = 0; i < mean.length; i++) {
      for (int j = 0; j < k.length; j++) {
        weights.set(mean[i][j] / model.heads(), b, 0, i, j);
      }
    }
    return concat;
  }

  /** (rows + extra, out); the extra rows are null. */
  private static double[][] project(
      PackedWeights projection, OperandView input, long b, int rows, int extra) {
    double[][] outputs = new double[rows + extra][];
    for (int row = 0; row < rows; row++) {
      outputs[row] = ((ReferenceWeights) projection).apply(input, b, row);
    }
    return outputs;
  }

  /** Fills the extra rows: the bias key or value first, then zeros. */
  private void append(double[][] rows, @Nullable Tensor bias, long width) {
    int next = kvLen;
    if (bias != null) {
      double[] row = new double[(int) width];
      OperandView elements = OperandView.of(bias);
      for (int d = 0; d < row.length; d++) {
        row[d] = elements.get(d, 0, 0, 0);
      }
      rows[next++] = row;
    }
    while (next < rows.length) {
      rows[next++] = new double[(int) width];
    }
  }

  private static double[][] columns(double[][] rows, int from, int count) {
    double[][] result = new double[rows.length][];
    for (int row = 0; row < rows.length; row++) {
      result[row] = Arrays.copyOfRange(rows[row], from, from + count);
    }
    return result;
  }

  private static void addTo(double[] sum, double[] values) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += values[j];
    }
  }
}
