// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

/**
 * The error bound of what one query's softmax gives, over the keys that it sees.
 *
 * <p>Each score's error moves its weight; what that does to an output is the weight's change times
 * the distance between the key's value and the output. The errors of scores are independent but for
 * those of equal keys, and for the query's own error, which moves all scores together.
 */
final class SoftmaxBound {
  private final int keys;
  private final double[] weight;
  private final double[] change;
  private final double[] shared;
  private final int repeats;
  private final double sum;
  private final double sink;
  private final double sinkChange;
  private final double operand;
  private final double[] product;

  /**
   * @param weight of each key
   * @param error of each score's argument
   * @param queryError what the query's own error does to each score
   * @param sink the sink's weight, 0 without one
   * @param sinkError of its argument
   * @param operand what a matrix unit rounds the weights by before they meet the values, or 0
   */
  SoftmaxBound(
      double[] weight,
      double[] error,
      double[] queryError,
      double sink,
      double sinkError,
      double operand) {
    keys = weight.length;
    this.weight = weight;
    this.sink = sink;
    this.operand = operand;
    sinkChange = sink * Math.expm1(sinkError);
    change = new double[keys];
    shared = new double[keys];
    product = new double[keys];
    for (int j = 0; j < keys; j++) {
      change[j] = weight[j] * Math.expm1(error[j]);
      shared[j] = weight[j] * Math.expm1(queryError[j]);
    }
    repeats = ErrorBound.repeats(weight, 0, keys);
    sum = ErrorBound.sum(weight, keys, repeats);
  }

  /** How much the sum of the weights may be off, as a share of it. */
  double total() {
    double squares = sinkChange * sinkChange + sum * sum;
    double together = 0;
    for (int j = 0; j < keys; j++) {
      squares += repeats * change[j] * change[j];
      together += shared[j];
    }
    return Math.sqrt(squares + together * together);
  }

  /**
   * Of one element of the output.
   *
   * @param value of each key, in this column
   * @param valueError of each, or null
   * @param alike how often a value may occur
   */
  double output(double[] value, double[] valueError, int alike, double output) {
    double squares = sinkChange * sinkChange * output * output;
    double together = 0;
    double widest = sink > 0 ? Math.abs(output) : 0;
    double others = 0;
    double rounded = 0;
    double roundedSquares = 0;
    double denormal = 0;
    for (int j = 0; j < keys; j++) {
      double distance = Math.abs(value[j] - output);
      product[j] = weight[j] * value[j];
      squares += repeats * square(change[j] * distance);
      together += shared[j] * distance;
      widest = Math.max(widest, distance);
      rounded += operand * Math.abs(product[j]);
      roundedSquares += 4 * repeats * square(operand * product[j]);
      others += valueError == null ? 0 : square(weight[j] * valueError[j]);
      denormal += ErrorBound.SMALLEST * Math.abs(value[j]);
    }
    // However wrong the weights are, the output stays among the values.
    double scores = Math.min(Math.sqrt(squares + together * together), widest);
    double added = ErrorBound.sum(product, keys, Math.min(alike, repeats));
    double divided = sum * Math.abs(output);
    others += Math.min(square(rounded), roundedSquares);
    return Math.sqrt(square(scores) + square(added) + square(divided) + others) + denormal;
  }

  /** Of the log-sum-exp. */
  double lse(double lse, double highest) {
    return total() + 2 * ErrorBound.UNIT * (Math.abs(lse) + Math.abs(highest));
  }

  /** Of a key's weight. */
  double weight(int j, double total) {
    return change[j] + shared[j] + weight[j] * (total + operand) + ErrorBound.SMALLEST;
  }

  private static double square(double x) {
    return x * x;
  }
}
