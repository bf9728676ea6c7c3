// SPDX-License-Identifier: Apache-2.0
package dev.rapt.mha;

import dev.rapt.DType;
import dev.rapt.check.AttentionCase;
import dev.rapt.check.AttentionProblem;
import dev.rapt.check.Bounded;
import dev.rapt.check.ErrorBound;
import dev.rapt.check.Oracle;
import dev.rapt.check.Oracle.Answer;
import dev.rapt.check.Values;
import dev.rapt.mha.MhaData.Projection;

/** Multi-head attention as torch.nn.MultiheadAttention defines it, step by step. */
public final class MhaOracle {
  private final MhaCase c;
  private final MhaData data;
  private final DType between;

  private MhaOracle(MhaCase c, MhaData data, DType between) {
    this.c = c;
    this.data = data;
    this.between = between;
  }

  public static Answer answer(MhaCase c, MhaData data) {
    return answer(c, data, DType.F32);
  }

  /** The same with projections and heads, which matrix units read, stored as {@code between}. */
  public static Answer answer(MhaCase c, MhaData data, DType between) {
    return new MhaOracle(c, data, between).answer();
  }

  /** input (rows, in) times weight transposed, plus bias. */
  public static Bounded linear(Bounded input, Projection p) {
    int in = p.in();
    int rows = in == 0 ? 0 : input.value().length / in;
    Bounded output = Bounded.zeros(rows * p.out());
    double[] weight = Values.widen(p.weight());
    double[] terms = new double[in + 1];
    double[] repeats = new double[p.out()];
    for (int o = 0; o < p.out(); o++) {
      repeats[o] = ErrorBound.repeats(weight, o * in, in);
    }
    for (int row = 0; row < rows; row++) {
      double alike = ErrorBound.repeats(input.value(), row * in, in);
      for (int o = 0; o < p.out(); o++) {
        double sum = 0;
        double handedOn = 0;
        for (int i = 0; i < in; i++) {
          terms[i] = input.value()[row * in + i] * weight[o * in + i];
          sum += terms[i];
          double error = input.errorAt(row * in + i) * weight[o * in + i];
          handedOn += error * error;
        }
        terms[in] = p.bias() == null ? 0 : p.bias()[o];
        int to = row * p.out() + o;
        output.value()[to] = sum + terms[in];
        double own = ErrorBound.sum(terms, in + 1, Math.min(alike, repeats[o]));
        output.error()[to] = Math.hypot(own, Math.sqrt(handedOn));
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
    Answer heads = Oracle.answer(problem, between);
    Bounded output = sideBySide(heads.output().kept(between));
    if (data.projections().output() != null) {
      output = linear(output, data.projections().output());
    }
    Bounded weights = heads.weights();
    if (weights != null && c.has("average")) {
      weights = average(weights, problem.kvLen());
    }
    return new Answer(output, heads.lse(), weights);
  }

  /** Projects (batch, length, in) and splits it into (batch, heads, length + appended, dim). */
  private Bounded heads(
      float[] input, Projection projection, int length, int heads, float[] extra, int appended) {
    Bounded rows = linear(Bounded.exact(Values.widen(input)), projection);
    int batch = c.core().batch();
    int dim = projection.out() / heads;
    int total = length + appended;
    Bounded split = Bounded.zeros(batch * heads * total * dim);
    for (int b = 0; b < batch; b++) {
      for (int h = 0; h < heads; h++) {
        int to = (b * heads + h) * total * dim;
        for (int s = 0; s < length; s++) {
          int from = (b * length + s) * projection.out() + h * dim;
          copy(rows, from, split, to + s * dim, dim);
        }
        for (int x = 0; extra != null && x < dim; x++) {
          split.value()[to + length * dim + x] = extra[h * dim + x];
        }
      }
    }
    return split.kept(between);
  }

  /** (batch, heads, length, dim) to (batch, length, heads * dim). */
  private Bounded sideBySide(Bounded split) {
    AttentionCase core = c.core();
    int dim = core.valueDim();
    Bounded rows = Bounded.zeros(split.value().length);
    for (int b = 0; b < core.batch(); b++) {
      for (int h = 0; h < core.heads(); h++) {
        for (int s = 0; s < core.queryLen(); s++) {
          int from = ((b * core.heads() + h) * core.queryLen() + s) * dim;
          int to = ((b * core.queryLen() + s) * core.heads() + h) * dim;
          copy(split, from, rows, to, dim);
        }
      }
    }
    return rows;
  }

  private static void copy(Bounded from, int at, Bounded to, int place, int count) {
    System.arraycopy(from.value(), at, to.value(), place, count);
    System.arraycopy(from.error(), at, to.error(), place, count);
  }

  private Bounded average(Bounded weights, int kvLen) {
    AttentionCase core = c.core();
    int heads = core.heads();
    int plane = core.queryLen() * kvLen;
    Bounded mean = Bounded.zeros(core.batch() * plane);
    double[] terms = new double[heads];
    for (int b = 0; b < core.batch(); b++) {
      for (int i = 0; i < plane; i++) {
        double sum = 0;
        double errors = 0;
        for (int h = 0; h < heads; h++) {
          int from = (b * heads + h) * plane + i;
          terms[h] = weights.value()[from] / heads;
          sum += terms[h];
          errors += weights.errorAt(from) / heads;
        }
        mean.value()[b * plane + i] = sum;
        mean.error()[b * plane + i] = errors + ErrorBound.sum(terms, heads, heads);
      }
    }
    return mean;
  }
}
