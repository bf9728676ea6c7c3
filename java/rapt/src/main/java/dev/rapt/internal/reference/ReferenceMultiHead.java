// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference;

import dev.rapt.Tensor;
import dev.rapt.internal.MultiHeadModel;
import dev.rapt.internal.Projection;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Section 3.2.2 of Vaswani et al. (2017): Concat(head_1, ..., head_h) Wᴼ with head_i = Attention(Q
 * Wᵢᵠ, K Wᵢᴷ, V Wᵢⱽ), with grouped key/value heads and the extra keys of
 * torch.nn.MultiheadAttention.
 */
final class ReferenceMultiHead {
  private final MultiHeadModel model;
  private final HeadInputs inputs;

  ReferenceMultiHead(MultiHeadModel model, HeadInputs inputs) {
    this.model = model;
    this.inputs = inputs;
  }

  /** (B, S, E) or (S, E) each; lse (B, Hq, Sq); weights (B, Hq, Sq, T), or (B, Sq, T) averaged. */
  void run(
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor output,
      @Nullable Tensor lse,
      @Nullable Tensor weights) {
    View queries = new View(query, 3);
    View keys = new View(key, 3);
    View values = new View(value, 3);
    View outputs = new View(output, 3);
    View lses = lse == null ? null : new View(lse, 3);
    View allWeights = weights == null ? null : new View(weights, model.averageWeights() ? 3 : 4);
    long batches = query.rank() == 3 ? query.size(0) : 1;
    int queryLen = (int) query.size(query.rank() - 2);
    int kvLen = (int) key.size(key.rank() - 2);
    for (long batch = 0; batch < batches; batch++) {
      double[][] q = project(model.query(), queries, batch, queryLen, 0);
      double[][] k = project(model.key(), keys, batch, kvLen, model.appended());
      double[][] v = project(model.value(), values, batch, kvLen, model.appended());
      append(k, kvLen, model.biasKey(), model.kvHeads() * model.headDim());
      append(v, kvLen, model.biasValue(), model.kvHeads() * model.valueDim());
      double[][] heads = attend(batch, q, k, v, kvLen, lses, allWeights);
      for (int i = 0; i < queryLen; i++) {
        double[] row = heads[i];
        if (model.output() != null) {
          row = ((ReferenceProjection) model.output()).apply(row);
        }
        for (int d = 0; d < row.length; d++) {
          outputs.set(row[d], batch, i, d, 0);
        }
      }
    }
  }

  /** (Sq, Hq * Dv): the heads side by side. */
  private double[][] attend(
      long batch,
      double[][] q,
      double[][] k,
      double[][] v,
      int kvLen,
      @Nullable View lses,
      @Nullable View weights) {
    int headDim = (int) model.headDim();
    int valueDim = (int) model.valueDim();
    int group = model.heads() / model.kvHeads();
    double[][] concat = new double[q.length][model.heads() * valueDim];
    double[][] mean =
        new double[model.averageWeights() && weights != null ? q.length : 0][k.length];
    for (int head = 0; head < model.heads(); head++) {
      double[][] headQueries = columns(q, head * headDim, headDim);
      double[][] headKeys = columns(k, head / group * headDim, headDim);
      double[][] headValues = columns(v, head / group * valueDim, valueDim);
      int h = head;
      inputs
          .head(
              model.options(),
              batch,
              h,
              headQueries,
              headKeys,
              headValues,
              headDim,
              valueDim,
              kvLen)
          .attend(
              headQueries,
              (i, output, lse, scores) -> {
                System.arraycopy(output, 0, concat[i], h * valueDim, valueDim);
                if (lses != null) {
                  lses.set(lse, batch, h, i, 0);
                }
                if (mean.length > 0) {
                  addTo(mean[i], scores);
                } else if (weights != null) {
                  weights.setRow(scores, batch, h, i);
                }
              });
    }
    for (int i = 0; i < mean.length && weights != null; i++) {
      for (int j = 0; j < k.length; j++) {
        weights.set(mean[i][j] / model.heads(), batch, i, j, 0);
      }
    }
    return concat;
  }

  private double[][] project(Projection projection, View input, long batch, int rows, int extra) {
    double[][] matrix = new double[rows][(int) projection.inFeatures()];
    for (int row = 0; row < rows; row++) {
      for (int d = 0; d < matrix[row].length; d++) {
        matrix[row][d] = input.get(batch, row, d, 0);
      }
    }
    return ((ReferenceProjection) projection).apply(matrix, extra);
  }

  /** Fills the extra rows: the bias key or value first, then zeros. */
  private static void append(double[][] rows, int from, @Nullable Tensor bias, long width) {
    int next = from;
    if (bias != null) {
      rows[next++] = new View(bias).matrix(0, 0, 1, (int) width)[0];
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

  private void addTo(double[] sum, double[] values) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += values[j];
    }
  }
}
