// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import dev.rapt.DType;
import dev.rapt.WeightsStage;
import java.util.Arrays;

/**
 * Attention straight from its formula, one query row at a time, no tricks. Independent of the
 * library on purpose: the library's own Java reference is one of the backends it judges.
 *
 * <p>In {@link #exact} every step is double; in {@link #rounded} each intermediate is rounded to
 * f32, which tells how much error any f32 implementation of the same problem may have ({@link
 * ErrorBound}).
 */
public final class Oracle {
  /**
   * What a call should give.
   *
   * @param output (batch, heads, queryLen, valueDim)
   * @param lse (batch, heads, queryLen)
   * @param weights (batch, heads, queryLen, kvLen) at the problem's stage, or null
   */
  public record Answer(double[] output, double[] lse, double[] weights) {
    /** The same with its output stored in this type. */
    public Answer stored(DType dtype) {
      return new Answer(Values.rounded(output, dtype), lse, weights);
    }
  }

  private final AttentionProblem p;
  private final boolean single;
  private final DType factors;

  private Oracle(AttentionProblem problem, boolean single, DType factors) {
    this.p = problem;
    this.single = single;
    this.factors = factors;
  }

  public static Answer exact(AttentionProblem problem) {
    return new Oracle(problem, false, DType.F32).answer();
  }

  public static Answer rounded(AttentionProblem problem) {
    return rounded(problem, DType.F32);
  }

  /**
   * With the exponentials rounded to {@code factors} before they multiply the values, as a matrix
   * unit takes its operands.
   */
  public static Answer rounded(AttentionProblem problem, DType factors) {
    return new Oracle(problem, true, factors).answer();
  }

  private double round(double x) {
    return single ? (float) x : x;
  }

  private Answer answer() {
    int rows = p.batch() * p.heads() * p.queryLen();
    Answer answer =
        new Answer(
            new double[rows * p.valueDim()],
            new double[rows],
            p.weightsStage() == null ? null : new double[rows * p.kvLen()]);
    for (int b = 0; b < p.batch(); b++) {
      for (int h = 0; h < p.heads(); h++) {
        for (int i = 0; i < p.queryLen(); i++) {
          row(answer, b, h, i);
        }
      }
    }
    return answer;
  }

  private void row(Answer answer, int b, int h, int i) {
    int head = b * p.heads() + h;
    int row = head * p.queryLen() + i;
    int kvHead = b * p.kvHeads() + h / (p.heads() / p.kvHeads());
    double[] scores = new double[p.kvLen()];
    for (int j = 0; j < p.kvLen(); j++) {
      scores[j] = round(round(p.scale()) * dot(row, kvHead * p.kvLen() + j));
    }
    keep(answer, WeightsStage.RAW, row, scores);
    if (p.softcap() > 0) {
      for (int j = 0; j < p.kvLen(); j++) {
        scores[j] = round(p.softcap() * round(Math.tanh(round(scores[j] / p.softcap()))));
      }
    }
    keep(answer, WeightsStage.SOFTCAP, row, scores);
    boolean[] present = new boolean[p.kvLen()];
    boolean anyPresent = false;
    for (int j = 0; j < p.kvLen(); j++) {
      if (p.visible(b, h, i, j)) {
        if (p.bias() != null) {
          scores[j] = round(scores[j] + p.biasAt(b, h, i, j));
        }
        // An appended key has no position, so nothing depends on its distance.
        if (p.alibiSlopes() != null && j < p.kvLen() - p.appended()) {
          scores[j] =
              round(
                  scores[j] - round(p.alibiSlopes()[head] * (double) Math.abs(i + p.offset() - j)));
        }
      } else {
        scores[j] = Double.NEGATIVE_INFINITY;
      }
      // A final score of -inf weighs nothing, whatever made it so.
      present[j] = scores[j] != Double.NEGATIVE_INFINITY;
      anyPresent |= present[j];
    }
    keep(answer, WeightsStage.BIAS, row, scores);
    if (!anyPresent) {
      answer.lse()[row] = Double.NEGATIVE_INFINITY;
      return;
    }
    softmaxAndSum(answer, head, row, kvHead, scores, present);
  }

  private void softmaxAndSum(
      Answer answer, int head, int row, int kvHead, double[] scores, boolean[] present) {
    boolean sink = p.sinks() != null;
    double sinkScore = sink ? p.sinks()[head] : Double.NEGATIVE_INFINITY;
    double max = sinkScore;
    for (double score : scores) {
      max = Math.max(max, score);
    }
    double sum = sink ? round(Math.exp(round(sinkScore - max))) : 0;
    for (int j = 0; j < scores.length; j++) {
      scores[j] = present[j] ? round(Math.exp(round(scores[j] - max))) : 0;
      sum = round(sum + scores[j]);
    }
    double[] shares = new double[scores.length];
    for (int j = 0; j < scores.length; j++) {
      double factor = factors == DType.F32 ? scores[j] : Values.round(scores[j], factors);
      shares[j] = present[j] ? round(factor / sum) : 0;
      scores[j] = present[j] ? round(scores[j] / sum) : 0;
    }
    keep(answer, WeightsStage.SOFTMAX, row, scores);
    answer.lse()[row] = round(max + round(Math.log(sum)));
    for (int j = 0; j < scores.length; j++) {
      if (present[j]) {
        int from = (kvHead * p.kvLen() + j) * p.valueDim();
        int to = row * p.valueDim();
        for (int c = 0; c < p.valueDim(); c++) {
          double term = round(shares[j] * round(p.value()[from + c]));
          answer.output()[to + c] = round(answer.output()[to + c] + term);
        }
      }
    }
  }

  private double dot(int queryRow, int keyRow) {
    int d = p.headDim();
    double sum = 0;
    for (int c = 0; c < d; c++) {
      // What bytes stand for with their scales is an intermediate too.
      sum = round(sum + round(p.query()[queryRow * d + c] * round(p.key()[keyRow * d + c])));
    }
    return sum;
  }

  private void keep(Answer answer, WeightsStage stage, int row, double[] scores) {
    if (p.weightsStage() == stage) {
      System.arraycopy(scores, 0, answer.weights(), row * p.kvLen(), p.kvLen());
    }
  }

  /** The largest magnitude among the finite values; 0 where there is none. */
  static double largest(double[] values) {
    return Arrays.stream(values).map(Math::abs).filter(Double::isFinite).max().orElse(0);
  }
}
