// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference;

import dev.rapt.Tensor;
import dev.rapt.internal.Projection;
import org.jspecify.annotations.Nullable;

/** y = x Wᵀ + b, with W (out, in) copied from the caller's tensor. */
final class ReferenceProjection implements Projection {
  private final double[][] weight;
  private final double[] bias;
  private final int inFeatures;

  ReferenceProjection(Tensor weight, @Nullable Tensor bias) {
    int outFeatures = (int) weight.size(0);
    inFeatures = (int) weight.size(1);
    this.weight = new View(weight).matrix(0, 0, outFeatures, inFeatures);
    this.bias =
        bias == null ? new double[outFeatures] : new View(bias).matrix(0, 0, 1, outFeatures)[0];
  }

  @Override
  public long inFeatures() {
    return inFeatures;
  }

  @Override
  public long outFeatures() {
    return weight.length;
  }

  /** (in) to (out). */
  double[] apply(double[] input) {
    double[] output = new double[weight.length];
    for (int o = 0; o < output.length; o++) {
      double sum = 0;
      for (int i = 0; i < inFeatures; i++) {
        sum += input[i] * weight[o][i];
      }
      output[o] = sum + bias[o];
    }
    return output;
  }

  /** (rows, in) to (rows + extra, out); the extra rows are null. */
  double[][] apply(double[][] inputs, int extra) {
    double[][] outputs = new double[inputs.length + extra][];
    for (int row = 0; row < inputs.length; row++) {
      outputs[row] = apply(inputs[row]);
    }
    return outputs;
  }

  @Override
  public void close() {
    // On the Java heap.
  }
}
