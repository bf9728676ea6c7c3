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
  private final double repeats;
  private final double sum;
  private final double roundings;
  private final double sink;
  private final double sinkChange;
  private final double operand;
  private final double alike;
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
    alike = alike(weight, operand);
    sinkChange = sink * Math.expm1(sinkError);
    change = new double[keys];
    shared = new double[keys];
    product = new double[keys];
    for (int j = 0; j < keys; j++) {
      change[j] = weight[j] * Math.expm1(error[j]);
      shared[j] = weight[j] * Math.expm1(queryError[j]);
    }
    repeats = ErrorBound.repeats(weight, 0, keys);
    roundings = ErrorBound.roundings(weight, keys);
    sum = ErrorBound.sum(weight, keys, repeats, roundings);
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
   * @param valueRepeats how many values are rounded alike
   */
  double output(double[] value, double[] valueError, double valueRepeats, double output) {
    double squares = sinkChange * sinkChange * output * output;
    double together = 0;
    double widest = sink > 0 ? Math.abs(output) : 0;
    double others = 0;
    double products = 0;
    double sizes = 0;
    double denormal = 0;
    for (int j = 0; j < keys; j++) {
      double distance = Math.abs(value[j] - output);
      product[j] = weight[j] * value[j];
      squares += repeats * square(change[j] * distance);
      together += shared[j] * distance;
      widest = Math.max(widest, distance);
      products += square(product[j]);
      sizes += Math.abs(product[j]);
      others += valueError == null ? 0 : square(weight[j] * valueError[j]);
      denormal += ErrorBound.SMALLEST * Math.abs(value[j]);
    }
    // However wrong the weights are, the output stays among the values.
    double scores = Math.min(Math.sqrt(squares + together * together), widest);
    double added = ErrorBound.sum(product, keys, Math.min(valueRepeats, repeats), roundings);
    double divided = sum * Math.abs(output);
    // Twice the root, because a matrix of results has some far out; at most all the same way.
    double operands = Math.min(2 * Math.sqrt(repeats * products) + alike * sizes, sizes);
    others += square(operand * operands);
    return Math.sqrt(square(scores) + square(added) + square(divided) + others) + denormal;
  }

  /**
   * The share of a matrix unit's roundings that may point the same way. Weights that lie closer
   * together than the type's numbers are rounded alike, though they differ; weights spread over
   * many of its numbers are not, but for a rest.
   */
  private static double alike(double[] weight, double operand) {
    if (operand == 0) {
      return 0;
    }
    double sum = 0;
    double mean = 0;
    for (double w : weight) {
      sum += w;
      mean += w > 0 ? w * Math.log(w) : 0;
    }
    double spread = 0;
    for (double w : weight) {
      spread += w > 0 ? w * Math.abs(Math.log(w) - mean / sum) : 0;
    }
    return operand * sum < spread ? operand * sum / spread : 1;
  }

  /** Of the log-sum-exp. */
  double lse(double lse, double highest) {
    return total() + 2 * ErrorBound.UNIT * (Math.abs(lse) + Math.abs(highest));
  }

  /** Of a key's weight. */
  double weight(int j, double total) {
    return change[j] + shared[j] + weight[j] * total + ErrorBound.SMALLEST;
  }

  private static double square(double x) {
    return x * x;
  }
}
