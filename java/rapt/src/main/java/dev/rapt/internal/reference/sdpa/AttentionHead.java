// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.sdpa;

import dev.rapt.Causal;
import dev.rapt.WeightsStage;
import dev.rapt.internal.ops.SdpaOptions;
import java.util.Arrays;

/**
 * Scaled dot-product attention of one head: softmax(softcap(scale q kᵀ) + bias - alibi, masked) v.
 *
 * <p>Section 3.2.1 of Vaswani et al., "Attention Is All You Need" (2017), with the additions that
 * {@code sdpa.h} defines. One query row at a time, its scores in full.
 */
public final class AttentionHead {
  /** What one query row yields. */
  public interface RowSink {
    /**
     * Takes a row's results; the arrays are reused for the next row.
     *
     * @param output (Dv)
     * @param scores (keys), at the stage the options name
     */
    void row(int query, double[] output, double lse, double[] scores);
  }

  /** What masks, biases and positions say about the pairs of one head. */
  public interface Scores {
    /** Whether boolean masks let the query see the key. */
    boolean visible(int query, int key);

    /** The additive bias; 0 where there is none. */
    double bias(int query, int key);

    /** The ALiBi slope; 0 = none. */
    double slope();

    /** The sink's logit; -inf = none. */
    double sink();

    /** The position of query 0 among the keys. */
    long position();
  }

  private final SdpaOptions options;
  private final Scores context;
  private final double[][] keys;
  private final double[][] values;
  private final int valueDim;
  private final int maskable;
  private final double scale;
  private final double slope;
  private final double sink;
  private final double position;

  // Query i sees key j by its position where first <= j - i <= last.
  private final long first;
  private final long last;

  /**
   * A head over {@code keys} (keys, D) and {@code values} (keys, Dv).
   *
   * @param maskable the first so many keys obey masks, bias and positions; those after it, which
   *     multi-head attention appends, are visible to every query
   */
  public AttentionHead(
      SdpaOptions options,
      Scores context,
      double[][] keys,
      double[][] values,
      int headDim,
      int valueDim,
      int maskable) {
    this.options = options;
    this.context = context;
    this.keys = keys;
    this.values = values;
    this.valueDim = valueDim;
    this.maskable = maskable;
    slope = context.slope();
    sink = context.sink();
    scale = options.scaled() ? options.scale() : 1 / Math.sqrt(headDim);
    long at = context.position();
    position = at;
    first = options.windowLeft() < 0 ? Long.MIN_VALUE : plus(at, -options.windowLeft());
    long right = options.windowRight() < 0 ? Long.MAX_VALUE : plus(at, options.windowRight());
    last = options.causal() == Causal.NONE ? right : Math.min(at, right);
  }

  /** Attends with each row of {@code queries} (Sq, D). */
  public void attend(double[][] queries, RowSink results) {
    double[] scores = new double[keys.length];
    boolean[] present = new boolean[keys.length];
    double[] reported = new double[keys.length];
    double[] output = new double[valueDim];
    for (int i = 0; i < queries.length; i++) {
      for (int j = 0; j < keys.length; j++) {
        double raw = scale * dot(queries[i], keys[j]);
        double capped = softcap(raw);
        scores[j] = visible(i, j) ? biased(capped, i, j) : Double.NEGATIVE_INFINITY;
        // A final score of -inf is a key that does not exist, whatever made it so.
        present[j] = scores[j] != Double.NEGATIVE_INFINITY;
        switch (options.stage()) {
          case RAW -> reported[j] = raw;
          case SOFTCAP -> reported[j] = capped;
          case BIAS -> reported[j] = scores[j];
          case SOFTMAX -> {} // known only with the whole row
        }
      }
      double lse = softmax(scores, present);
      if (options.stage() == WeightsStage.SOFTMAX) {
        System.arraycopy(scores, 0, reported, 0, scores.length);
      }
      weightedSum(scores, present, output);
      results.row(i, output, lse, reported);
    }
  }

  private double dot(double[] query, double[] key) {
    double sum = 0;
    for (int d = 0; d < query.length; d++) {
      sum += query[d] * key[d];
    }
    return sum;
  }

  private double softcap(double score) {
    double cap = options.softcap();
    return cap == 0 ? score : cap * Math.tanh(score / cap);
  }

  private boolean visible(int i, int j) {
    if (j >= maskable) {
      return true;
    }
    long ahead = (long) j - i;
    return ahead >= first && ahead <= last && context.visible(i, j);
  }

  private double biased(double score, int i, int j) {
    if (j >= maskable) {
      return score;
    }
    double bias = context.bias(i, j);
    if (bias == Double.NEGATIVE_INFINITY) {
      return bias; // masks even a score of NaN or +inf, which -inf + NaN would not
    }
    double distance = Math.abs(position + (i - j));
    double sum = score + bias;
    return slope == 0 ? sum : sum - slope * distance;
  }

  /**
   * Turns scores into weights in place and returns the log-sum-exp; without any key, 0 and -inf.
   */
  private double softmax(double[] scores, boolean[] present) {
    double max = Double.NEGATIVE_INFINITY;
    for (double score : scores) {
      max = Math.max(max, score);
    }
    if (max == Double.NEGATIVE_INFINITY) {
      Arrays.fill(scores, 0);
      return max;
    }
    max = Math.max(max, sink);
    double sum = Math.exp(sink - max);
    for (int j = 0; j < scores.length; j++) {
      scores[j] = present[j] ? Math.exp(scores[j] - max) : 0;
      sum += scores[j];
    }
    for (int j = 0; j < scores.length; j++) {
      scores[j] = present[j] ? scores[j] / sum : 0;
    }
    return max + Math.log(sum);
  }

  private void weightedSum(double[] weights, boolean[] present, double[] output) {
    Arrays.fill(output, 0);
    for (int j = 0; j < weights.length; j++) {
      if (!present[j]) {
        continue; // not weight 0 times value: the value may be NaN
      }
      for (int d = 0; d < output.length; d++) {
        output[d] += weights[j] * values[j][d];
      }
    }
  }

  /** A sum of positions; beyond 64 bits every key lies on the same side of the nearest long too. */
  private static long plus(long a, long b) {
    long sum = a + b;
    boolean overflows = ((a ^ sum) & (b ^ sum)) < 0;
    return overflows ? a < 0 ? Long.MIN_VALUE : Long.MAX_VALUE : sum;
  }
}
