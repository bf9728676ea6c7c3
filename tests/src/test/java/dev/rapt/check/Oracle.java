// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import dev.rapt.DType;
import dev.rapt.WeightsStage;
import java.util.Arrays;

/**
 * Attention straight from its formula, one query row at a time, in double and without tricks, each
 * number with the error that f32 arithmetic may have on these very inputs ({@link ErrorBound}).
 * Independent of the library on purpose: the library's own Java reference is one of the backends it
 * judges.
 */
public final class Oracle {
  /**
   * What a call should give.
   *
   * @param output (batch, heads, queryLen, valueDim)
   * @param lse (batch, heads, queryLen)
   * @param weights (batch, heads, queryLen, kvLen) at the problem's stage, or null
   */
  public record Answer(Bounded output, Bounded lse, Bounded weights) {
    /** The same with its output stored in this type. */
    public Answer stored(DType dtype) {
      return new Answer(output.stored(dtype), lse, weights);
    }
  }

  private final AttentionProblem p;
  private final double operand;
  private final Answer answer;

  /** Per query, key, and column of values: how many numbers are rounded alike. */
  private final double[] queryRepeats;

  private final double[] keyRepeats;
  private final double[] columnRepeats;

  /** Scratch: the products of one score, and the values of one column. */
  private final double[] products;

  private Oracle(AttentionProblem problem, double operand) {
    p = problem;
    this.operand = operand;
    int rows = p.batch() * p.heads() * p.queryLen();
    answer =
        new Answer(
            Bounded.zeros(rows * p.valueDim()),
            Bounded.zeros(rows),
            p.weightsStage() == null ? null : Bounded.zeros(rows * p.kvLen()));
    queryRepeats = repeats(p.query(), p.headDim());
    keyRepeats = repeats(p.key(), p.headDim());
    columnRepeats = repeats(columns(), p.kvLen());
    products = new double[p.headDim()];
  }

  public static Answer answer(AttentionProblem problem) {
    return new Oracle(problem, 0).fill();
  }

  /** Where a matrix unit takes the softmax's exponentials in this type. */
  public static Answer answer(AttentionProblem problem, DType operand) {
    double half = operand == DType.F32 ? 0 : ErrorBound.halfUnit(operand);
    return new Oracle(problem, half).fill();
  }

  private static double[] repeats(double[] numbers, int rowLength) {
    double[] repeats = new double[rowLength == 0 ? 0 : numbers.length / rowLength];
    for (int row = 0; row < repeats.length; row++) {
      repeats[row] = ErrorBound.repeats(numbers, row * rowLength, rowLength);
    }
    return repeats;
  }

  /** The values, (batch, kvHeads, valueDim, kvLen). */
  private double[] columns() {
    double[] columns = new double[p.value().length];
    int dim = p.valueDim();
    for (int i = 0; i < columns.length; i++) {
      int row = i / dim;
      int head = row / p.kvLen();
      columns[(head * dim + i % dim) * p.kvLen() + row % p.kvLen()] = p.value()[i];
    }
    return columns;
  }

  private Answer fill() {
    for (int b = 0; b < p.batch(); b++) {
      for (int h = 0; h < p.heads(); h++) {
        for (int i = 0; i < p.queryLen(); i++) {
          row(b, h, i);
        }
      }
    }
    return answer;
  }

  /** A query's scores with their errors, and what the query's own error does to each. */
  private record Scores(double[] value, double[] error, double[] queryError) {
    Scores(int count) {
      this(new double[count], new double[count], new double[count]);
    }

    void set(int to, Scores from, int j) {
      value[to] = from.value[j];
      error[to] = from.error[j];
      queryError[to] = from.queryError[j];
    }
  }

  private void row(int b, int h, int i) {
    int head = b * p.heads() + h;
    int row = head * p.queryLen() + i;
    int kvHead = b * p.kvHeads() + h / (p.heads() / p.kvHeads());
    int[] keys = new int[p.kvLen()];
    Scores scores = new Scores(p.kvLen());
    int seen = 0;
    // The stages before the mask show what no query sees.
    boolean all = p.weightsStage() != null && p.weightsStage() != WeightsStage.SOFTMAX;
    for (int j = 0; j < p.kvLen(); j++) {
      if (!all && !p.visible(b, h, i, j)) {
        continue;
      }
      raw(scores, seen, row, kvHead * p.kvLen() + j);
      keep(WeightsStage.RAW, row, j, scores, seen);
      cap(scores, seen);
      keep(WeightsStage.SOFTCAP, row, j, scores, seen);
      add(scores, seen, b, h, i, j);
      keep(WeightsStage.BIAS, row, j, scores, seen);
      // A final score of -inf weighs nothing, whatever made it so.
      if (scores.value[seen] != Double.NEGATIVE_INFINITY) {
        keys[seen] = j;
        seen++;
      }
    }
    if (seen == 0) {
      answer.lse().value()[row] = Double.NEGATIVE_INFINITY;
      return;
    }
    Scores visible = new Scores(seen);
    for (int n = 0; n < seen; n++) {
      visible.set(n, scores, n);
    }
    softmaxAndSum(head, row, kvHead, visible, Arrays.copyOf(keys, seen));
  }

  /** Scale times dot product. */
  private void raw(Scores to, int at, int queryRow, int keyRow) {
    int d = p.headDim();
    double sum = 0;
    double byKey = 0;
    double byQuery = 0;
    double denormal = d * ErrorBound.SMALLEST;
    for (int c = 0; c < d; c++) {
      double q = p.query()[queryRow * d + c];
      double k = p.key()[keyRow * d + c];
      products[c] = q * k;
      sum += products[c];
      byKey += square(q * p.keyError(keyRow * d + c));
      byQuery += square(k * p.queryError(queryRow * d + c));
      // Products of bf16 pairs take denormals as 0.
      if (Math.abs(q) < ErrorBound.SMALLEST || Math.abs(k) < ErrorBound.SMALLEST) {
        denormal += Math.abs(products[c]);
      }
    }
    double scale = Math.abs(p.scale());
    double product =
        ErrorBound.sum(products, d, Math.min(queryRepeats[queryRow], keyRepeats[keyRow]));
    to.value[at] = p.scale() * sum;
    double own = ErrorBound.score(product, scale, to.value[at], 0, false);
    // Without an error of the keys the hypotenuse, which takes long, is the other side.
    double both = byKey == 0 ? own : Math.hypot(own, scale * Math.sqrt(byKey));
    to.error[at] = both + scale * denormal;
    to.queryError[at] = scale * Math.sqrt(byQuery);
  }

  private void cap(Scores scores, int at) {
    if (p.softcap() > 0) {
      double capped = p.softcap() * Math.tanh(scores.value[at] / p.softcap());
      scores.value[at] = capped;
      scores.error[at] += ErrorBound.score(0, 0, capped, 0, true);
    }
  }

  private void add(Scores scores, int at, int b, int h, int i, int j) {
    if (!p.visible(b, h, i, j)) {
      scores.value[at] = Double.NEGATIVE_INFINITY;
      return;
    }
    double bias = p.biasAt(b, h, i, j);
    double alibi = 0;
    // An appended key has no position, so nothing depends on its distance.
    if (p.alibiSlopes() != null && j < p.kvLen() - p.appended()) {
      alibi = p.alibiSlopes()[b * p.heads() + h] * (double) Math.abs(i + p.offset() - j);
    }
    scores.value[at] += bias - alibi;
    double added = Math.abs(bias) + Math.abs(alibi);
    if (added > 0) {
      scores.error[at] += ErrorBound.score(0, 0, scores.value[at], added, false);
    }
  }

  private void softmaxAndSum(int head, int row, int kvHead, Scores scores, int[] keys) {
    double sinkScore = p.sinks() == null ? Double.NEGATIVE_INFINITY : p.sinks()[head];
    double max = Math.max(sinkScore, Arrays.stream(scores.value).max().orElseThrow());
    double[] weight = new double[keys.length];
    double[] argumentError = new double[keys.length];
    double sum = Math.exp(sinkScore - max);
    for (int n = 0; n < keys.length; n++) {
      weight[n] = Math.exp(scores.value[n] - max);
      argumentError[n] = ErrorBound.argument(scores.error[n], max - scores.value[n]);
      sum += weight[n];
    }
    for (int n = 0; n < keys.length; n++) {
      weight[n] /= sum;
    }
    double sink = Math.exp(sinkScore - max) / sum;
    double sinkError = sink > 0 ? ErrorBound.argument(0, max - sinkScore) : 0;
    SoftmaxBound bound =
        new SoftmaxBound(weight, argumentError, scores.queryError, sink, sinkError, operand);
    double lse = max + Math.log(sum);
    answer.lse().value()[row] = lse;
    answer.lse().error()[row] = bound.lse(lse, max);
    double total = bound.total();
    for (int n = 0; n < keys.length && p.weightsStage() == WeightsStage.SOFTMAX; n++) {
      answer.weights().value()[row * p.kvLen() + keys[n]] = weight[n];
      answer.weights().error()[row * p.kvLen() + keys[n]] = bound.weight(n, total);
    }
    double[] value = new double[keys.length];
    double[] valueError = p.operands().value().error() == null ? null : new double[keys.length];
    for (int c = 0; c < p.valueDim(); c++) {
      double output = 0;
      for (int n = 0; n < keys.length; n++) {
        int at = (kvHead * p.kvLen() + keys[n]) * p.valueDim() + c;
        value[n] = p.value()[at];
        output += weight[n] * value[n];
        if (valueError != null) {
          valueError[n] = p.operands().value().errorAt(at);
        }
      }
      int to = row * p.valueDim() + c;
      answer.output().value()[to] = output;
      answer.output().error()[to] =
          bound.output(value, valueError, columnRepeats[kvHead * p.valueDim() + c], output);
    }
  }

  private void keep(WeightsStage stage, int row, int j, Scores scores, int at) {
    if (p.weightsStage() == stage) {
      answer.weights().value()[row * p.kvLen() + j] = scores.value[at];
      answer.weights().error()[row * p.kvLen() + j] = scores.error[at] + scores.queryError[at];
    }
  }

  private static double square(double x) {
    return x * x;
  }
}
