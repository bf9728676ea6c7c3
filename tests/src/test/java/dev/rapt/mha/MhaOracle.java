// SPDX-License-Identifier: Apache-2.0
package dev.rapt.mha;

import dev.rapt.DType;
import dev.rapt.check.AttentionCase;
import dev.rapt.check.AttentionProblem;
import dev.rapt.check.Oracle;
import dev.rapt.check.Oracle.Answer;
import dev.rapt.check.Values;
import dev.rapt.mha.MhaData.Projection;

/** Multi-head attention as torch.nn.MultiheadAttention defines it, step by step. */
public final class MhaOracle {
  private final MhaCase c;
  private final MhaData data;
  private final boolean single;
  private final DType between;

  private MhaOracle(MhaCase c, MhaData data, boolean single, DType between) {
    this.c = c;
    this.data = data;
    this.single = single;
    this.between = between;
  }

  /** Every step in double. */
  public static Answer exact(MhaCase c, MhaData data) {
    return new MhaOracle(c, data, false, DType.F32).answer();
  }

  /** Every intermediate rounded to f32. */
  public static Answer rounded(MhaCase c, MhaData data) {
    return rounded(c, data, DType.F32);
  }

  /** The same with projections and heads, which matrix units read, stored as {@code between}. */
  public static Answer rounded(MhaCase c, MhaData data, DType between) {
    return new MhaOracle(c, data, true, between).answer();
  }

  /** input (rows, in) times weight transposed, plus bias. */
  public static double[] linear(double[] input, Projection p, boolean single) {
    int rows = p.in() == 0 ? 0 : input.length / p.in();
    double[] output = new double[rows * p.out()];
    for (int row = 0; row < rows; row++) {
      for (int o = 0; o < p.out(); o++) {
        double sum = 0;
        for (int i = 0; i < p.in(); i++) {
          sum =
              round(
                  sum + round(input[row * p.in() + i] * p.weight()[o * p.in() + i], single),
                  single);
        }
        output[row * p.out() + o] = p.bias() == null ? sum : round(sum + p.bias()[o], single);
      }
    }
    return output;
  }

  private Answer answer() {
    AttentionCase core = c.core();
    float[] extraKey = data.extra() == null ? null : data.extra().key();
    float[] extraValue = data.extra() == null ? null : data.extra().value();
    AttentionProblem problem =
        core.problem()
            .projected(
                heads(
                    data.query(),
                    data.projections().query(),
                    core.queryLen(),
                    core.heads(),
                    null,
                    0),
                heads(
                    data.key(),
                    data.projections().key(),
                    core.kvLen(),
                    core.kvHeads(),
                    extraKey,
                    c.appended()),
                heads(
                    data.value(),
                    data.projections().value(),
                    core.kvLen(),
                    core.kvHeads(),
                    extraValue,
                    c.appended()),
                c.appended(),
                data.padding());
    Answer heads = single ? Oracle.rounded(problem, between) : Oracle.exact(problem);
    double[] output = sideBySide(kept(heads.output()));
    if (data.projections().output() != null) {
      output = linear(output, data.projections().output(), single);
    }
    double[] weights = heads.weights();
    if (weights != null && c.has("average")) {
      weights = average(weights, problem.kvLen());
    }
    return new Answer(output, heads.lse(), weights);
  }

  /** Projects (batch, length, in) and splits it into (batch, heads, length + appended, dim). */
  private double[] heads(
      float[] input, Projection projection, int length, int heads, float[] extra, int appended) {
    double[] rows = linear(Values.widen(input), projection, single);
    int batch = c.core().batch();
    int dim = projection.out() / heads;
    int total = length + appended;
    double[] split = new double[batch * heads * total * dim];
    for (int b = 0; b < batch; b++) {
      for (int h = 0; h < heads; h++) {
        int to = (b * heads + h) * total * dim;
        for (int s = 0; s < length; s++) {
          int from = (b * length + s) * projection.out() + h * dim;
          System.arraycopy(rows, from, split, to + s * dim, dim);
        }
        for (int x = 0; extra != null && x < dim; x++) {
          split[to + length * dim + x] = extra[h * dim + x];
        }
      }
    }
    return kept(split);
  }

  /** (batch, heads, length, dim) to (batch, length, heads * dim). */
  private double[] sideBySide(double[] split) {
    AttentionCase core = c.core();
    int dim = core.valueDim();
    double[] rows = new double[split.length];
    for (int b = 0; b < core.batch(); b++) {
      for (int h = 0; h < core.heads(); h++) {
        for (int s = 0; s < core.queryLen(); s++) {
          int from = ((b * core.heads() + h) * core.queryLen() + s) * dim;
          int to = ((b * core.queryLen() + s) * core.heads() + h) * dim;
          System.arraycopy(split, from, rows, to, dim);
        }
      }
    }
    return rows;
  }

  private double[] average(double[] weights, int kvLen) {
    AttentionCase core = c.core();
    int plane = core.queryLen() * kvLen;
    double[] mean = new double[core.batch() * plane];
    for (int b = 0; b < core.batch(); b++) {
      for (int h = 0; h < core.heads(); h++) {
        for (int i = 0; i < plane; i++) {
          int to = b * plane + i;
          double weight = weights[(b * core.heads() + h) * plane + i];
          mean[to] = round(mean[to] + round(weight / core.heads(), single), single);
        }
      }
    }
    return mean;
  }

  private double[] kept(double[] values) {
    return between == DType.F32 ? values : Values.rounded(values, between);
  }

  private static double round(double x, boolean single) {
    return single ? (float) x : x;
  }
}
